"""Two processes that repair the same keys, without a delta that would follow: conditional writes alone.

The pipelines' worlds cannot show what is wrong with a conditional write, because a delta brings everything
once more behind it. Here nothing does: whoever changes a key at the source has one of the processes bring
it to the sink, and once all of them are done both sides have to be equal (design 4.2).
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import cast

from connectors.memory.config import MemorySinkSettings, MemorySourceSettings
from connectors.memory.container import MemoryContainer, Operation
from connectors.memory.sink import MemorySink
from connectors.memory.source import MemorySource
from connectors.memory.table import MemoryTable
from replicator.connector import Reads
from replicator.engine.restore import RepairableSink, Restore
from replicator.model.change import Change, Kind
from replicator.model.errors import BatchError, NotConnectedError, ReplicatorError, TransientError
from replicator.model.key import Key, key_text
from replicator.testing.faults import faulty_sink, faulty_source
from replicator.testing.loop import VirtualClock, VirtualLoop, seeded, virtual_loop
from replicator.testing.network import QUIET, ROUGH, SLUGGISH, Network
from replicator.testing.repair_bugs import REPAIR_BUGS

ROUNDS = 10
CHANGES_OF_A_ROUND = (2, 3, 4)
"""Few, for whatever comes behind may mend what went wrong before."""
KEYS: Sequence[Key] = [("group", f"key-{number}") for number in range(2)]
CALL_SECONDS_MAX = 1.0


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What one seed showed: what was wrong, how often the sink was changed, and what befell the calls."""

    seed: int
    violations: tuple[str, ...]
    effects: int
    fates: Counter[str]


class _Process:
    """One process, whose repairs of a key come one after the other."""

    def __init__(self, restore: Restore) -> None:
        self._restore = restore
        self._lanes: Mapping[Key, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def repair(self, key: Key) -> None:
        """Return once a look, with no earlier call that may still land, found both sides equal."""
        async with self._lanes[key]:
            while (error := await self._attempt(key)) is not None:
                is_settled = isinstance(error, TransientError) and error.settled
                await asyncio.sleep(0.01 if is_settled else CALL_SECONDS_MAX)

    async def _attempt(self, key: Key) -> ReplicatorError | None:
        try:
            await self._restore.perform([Change(Kind.UPSERT, key, None, 0.0)])
        except BatchError as error:
            failure = error.failures[key]
        except ReplicatorError as error:
            failure = error
        else:
            return None
        if isinstance(failure, NotConnectedError):
            await self._connect()
        return failure

    async def _connect(self) -> None:
        while True:
            try:
                return await self._restore.sink.connect()
            except ReplicatorError:
                await asyncio.sleep(0.01)


class _World:
    def __init__(self, seed: int, loop: VirtualLoop, bugs: Sequence[str]) -> None:
        self.chance = seeded(f"repairs {seed}")
        self.table = MemoryTable(1, VirtualClock(loop))
        self.container = MemoryContainer()
        rates = self.chance.choice((QUIET, ROUGH, SLUGGISH))
        latency = self.chance.choice((0.005, 0.05, 0.2))
        self.gap_seconds = self.chance.choice((latency, 3 * latency))
        self.delete_share = self.chance.choice((0.3, 0.6))
        self.changes = self.effects = 0
        self.container.watch(self._landed)
        self.networks = [Network(self.chance, rates, CALL_SECONDS_MAX, latency) for _ in range(2)]
        self.processes = [_Process(self._restore(network, bugs)) for network in self.networks]

    async def live(self) -> tuple[str, ...]:
        """Change and repair in rounds, and compare after each."""
        for number in range(ROUNDS):
            async with asyncio.TaskGroup() as repairs:
                await self._change(repairs)
            for key in KEYS:
                source, sink = self.table.rows.get(key), self.container.rows.get(key)
                if (source and source.document) != (sink and sink.document):
                    return (f"after round {number} the sides differ in {key_text(key)}",)
        return ()

    async def _change(self, repairs: asyncio.TaskGroup) -> None:
        for _ in range(self.chance.choice(CHANGES_OF_A_ROUND)):
            await asyncio.sleep(self.chance.expovariate(1.0 / self.gap_seconds))
            key = self.chance.choice(KEYS)
            self.changes += 1
            if self.chance.random() > self.delete_share or not self.table.delete(key):
                group, name = key
                version = {"N": str(self.changes)}
                self.table.put(key, {"group": {"S": str(group)}, "name": {"S": str(name)}, "v": version})
            repairs.create_task(self.chance.choice(self.processes).repair(key))

    def _landed(self, _operation: Operation) -> None:
        self.effects += 1

    def _restore(self, network: Network, bugs: Sequence[str]) -> Restore:
        inner_source = MemorySource(self.table, MemorySourceSettings(table="repaired"))
        inner_sink = MemorySink(self.container, MemorySinkSettings(container="repaired"))
        source, sink = faulty_source(inner_source, network), faulty_sink(inner_sink, network)
        restore = Restore(cast(Reads, source), cast(RepairableSink, sink))
        for bug in bugs:
            restore = REPAIR_BUGS[bug](restore)
        return restore


def run_repairs(seed: int, bugs: Sequence[str] = ()) -> RepairReport:
    """Live through the repairs of a seed, with bugs planted by name, and report what was wrong."""
    with closing(virtual_loop(f"repairs {seed}")) as loop:
        world = _World(seed, loop, bugs)
        violations = loop.run_until_complete(world.live())
        fates = sum((network.fates for network in world.networks), Counter())
        return RepairReport(seed, violations, world.effects, fates)
