"""A world: a table, a container, a disk, a network between them, and processes that replicate.

The processes run the unmodified engine. They reach the world only through the decorators of ``faults``,
and they can be killed between any two steps.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import cast

from connectors.memory.config import MemorySinkSettings, MemorySourceSettings
from connectors.memory.container import MemoryContainer
from connectors.memory.sink import MemorySink
from connectors.memory.source import MarkedMemorySource, MemorySource
from connectors.memory.table import MemoryTable
from replicator.config.settings import Gate
from replicator.connector import Source
from replicator.engine.gate import Verdict, judge
from replicator.engine.items import ItemPipeline
from replicator.engine.parts import Parts
from replicator.engine.pipeline import Pipeline
from replicator.engine.status import State, observation_of
from replicator.engine.supervisor import Charge, Supervisor
from replicator.model.change import Change, Positions
from replicator.model.checkpoint import Checkpoint, Phase
from replicator.model.errors import PositionLostError
from replicator.model.key import Key, key_text
from replicator.stores import Store
from replicator.testing.commands import Operator
from replicator.testing.disk import Disk, InMemoryStore
from replicator.testing.faults import faulty_sink, faulty_source, faulty_store
from replicator.testing.ledger import Ledger, number_in, number_of
from replicator.testing.loop import Life, VirtualClock, VirtualLoop, seeded
from replicator.testing.network import QUIET, Network
from replicator.testing.plan import Plan
from replicator.testing.workload import Workload

NAME = "orders"
FRESHNESS_SECONDS_MAX = 2.0
BOUNDS = Gate(
    lag_seconds_max=1.0,
    freshness_seconds_max=FRESHNESS_SECONDS_MAX,
    retention_seconds_min=60.0,
    stable_for_seconds=FRESHNESS_SECONDS_MAX,
)

OBSERVE_SECONDS = 0.25

Plant = Callable[[ItemPipeline], None]
"""Puts a bug into a pipeline before it runs."""


class LedgerStore(InMemoryStore):
    """A store that shows every saved checkpoint to the ledger."""

    def __init__(self, disk: Disk, ledger: Ledger, note: Callable[[str], None]) -> None:
        super().__init__(disk)
        self._ledger = ledger
        self._note = note

    async def save(self, pipeline: str, checkpoint: Checkpoint) -> None:
        """Save, then have it checked."""
        await super().save(pipeline, checkpoint)
        self._note("saved")
        self._ledger.saved(checkpoint)


class _LedgerSource(MemorySource):
    """A source that shows every commit to the ledger."""

    ledger: Ledger

    async def commit(self, positions: Positions) -> None:
        self.ledger.committed(positions)
        await super().commit(positions)


class _MarkedLedgerSource(_LedgerSource, MarkedMemorySource):
    pass


class _Planted(Supervisor):
    """A supervisor whose pipelines have bugs."""

    def __init__(
        self, charge: Charge, failed: Callable[[str, BaseException], None], plants: tuple[Plant, ...]
    ) -> None:
        super().__init__(charge, failed)
        self._plants = plants

    async def _accompany(self, pipeline: Pipeline, *, new_backfill: bool) -> None:
        for plant in self._plants:
            plant(cast(ItemPipeline, pipeline))
        await super()._accompany(pipeline, new_backfill=new_backfill)


class World:
    """Everything of one seed."""

    def __init__(self, seed: int, plan: Plan, loop: VirtualLoop, plants: tuple[Plant, ...]) -> None:
        self.plan = plan
        self.loop = loop
        self.chance = seeded(f"world {seed}")
        self.clock = VirtualClock(loop)
        self.stepped_seconds = 0.0
        self.table = MemoryTable(
            plan.shards,
            VirtualClock(loop),
            delay_seconds=plan.delay_seconds,
            forgets_committed=plan.forgets,
        )
        self.container = MemoryContainer()
        self.disk = Disk()
        self.ledger = Ledger(self.table, self.container, self.table.clock)
        self.workload = Workload(self.chance, plan, self.table, self.ledger)
        longest = plan.limits.sink_call_seconds_max
        self.network = Network(self.chance, plan.rates, longest, plan.latency_seconds)
        self.local = Network(self.chance, QUIET, longest)
        self.life: Life | None = None
        self.supervisor: Supervisor | None = None
        self.process: asyncio.Task[None] | None = None
        self.starts = 0
        self.is_healed = False
        self._verdict: Verdict | None = None
        self._plants = plants
        self.events: list[str] = []
        self._happened = asyncio.Event()
        self.container.watch(lambda done: self.note(f"sink {_told(done.key, done.document)}"))
        self.table.watch(lambda shard, entry: self.note(f"{shard} {_told(entry.key, entry.document)}"))

    def note(self, event: str) -> None:
        """Add an event to the trace, by which two runs of a seed are compared."""
        self.events.append(f"{self.loop.time():.6f} {event}")
        self._happened.set()

    @property
    def trace(self) -> str:
        """What has happened so far, as a digest."""
        return hashlib.blake2b("\n".join(self.events).encode(), digest_size=8).hexdigest()

    def start(self) -> None:
        """Start a process."""
        self.starts += 1
        self._verdict = None
        self.note(f"start {self.starts}")
        self.life = Life(f"process-{self.starts}")
        self.process = self.life.run(lambda: self.loop.create_task(self._serve(), name="process"))

    def kill(self) -> None:
        """End the process between two steps."""
        self.note("kill")
        if self.life is not None:
            self.life.kill(self.loop)

    async def next_event(self, seconds_max: float) -> None:
        """Wait until something is written anywhere, or so long."""
        self._happened.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds_max):
                await self._happened.wait()

    async def stop(self) -> None:
        """Ask the process to stop, and kill it if it does not within its time."""
        self.note("stop")
        if self.supervisor is None or self.process is None:
            return
        self.supervisor.stop()
        await asyncio.wait([self.process], timeout=2 * self.plan.limits.stop_seconds_max)
        if not self.process.done():
            self.kill()

    def set_clock_off(self, seconds: float) -> None:
        """Let the wall clock of the process's machine differ from the source's by so much."""
        self.clock.step(seconds - (self.clock.wall() - self.table.clock.wall()))
        self.stepped_seconds = max(self.stepped_seconds, abs(seconds))

    def heal(self) -> None:
        """End all faults."""
        self.network.rates = QUIET
        self.is_healed = True

    def observe(self) -> None:
        """Compare what the engine says of itself with what is the case."""
        supervisor, life = self.supervisor, self.life
        if supervisor is None or life is None or not life.alive:
            return
        status = supervisor.status()
        lag = status.lag
        if lag is None or lag.lag_seconds is None or lag.freshness_seconds is None:
            return
        behind = max(lag.lag_seconds, lag.freshness_seconds) + self.stepped_seconds + 1e-6
        self.ledger.reported(behind)
        # Assuming the sink verified, the gate opens more often, and has more to be honest about.
        observation = replace(observation_of(status), mismatches=0)
        self._verdict = judge([observation], BOUNDS, self._verdict, self.loop.time())
        if self._verdict.can_cutover:
            self.ledger.opened(behind)

    @property
    def at_rest(self) -> bool:
        """Whether nothing is left to do: the backfill is over, all is proved applied, nothing can land."""
        return (
            self._is_complete
            and not self.network.in_flight
            and self.ledger.is_all_saved
            and not self.ledger.differences()
        )

    @property
    def _is_complete(self) -> bool:
        status = None if self.supervisor is None else self.supervisor.status()
        return (
            status is not None
            and status.state is State.RUNNING
            and status.proof is not None
            and status.dead_letters_open == 0
            and status.backfill is not None
            and status.backfill.phase == Phase.COMPLETE.value
        )

    def what_is_left(self) -> str:
        """Why the world is not at rest although both sides are equal."""
        status = None if self.supervisor is None else self.supervisor.status()
        return f"{self.network.in_flight} calls in flight, all saved: {self.ledger.is_all_saved}, {status}"

    async def until(self, condition: Callable[[], bool], seconds_max: float) -> bool:
        """Wait for the condition; False if it does not hold in time."""
        ends_at = self.loop.time() + seconds_max
        while not condition():
            if self.loop.time() > ends_at:
                return False
            await asyncio.sleep(OBSERVE_SECONDS)
        return True

    async def verify(self, seconds_max: float) -> int | None:
        """Let the process verify, and return how many mismatches it found; None if it does not end."""
        supervisor = self.supervisor
        if supervisor is None or self.life is None:
            return None

        def is_idle() -> bool:
            verification = supervisor.status().verification
            return verification is None or verification.finished_at is not None

        if not await self.until(is_idle, seconds_max):
            return None
        verification = self.life.run(lambda: supervisor.verify(repair=False, quiet_source=False))
        return verification.mismatches if await self.until(is_idle, seconds_max) else None

    async def _serve(self) -> None:
        store = faulty_store(LedgerStore(self.disk, self.ledger, self.note), self.local)
        charge = Charge(
            name=NAME,
            source="memory",
            sink="memory",
            assemble=lambda: self._parts(store),
            freshness_seconds_max=FRESHNESS_SECONDS_MAX,
            clock=self.clock,
        )
        self.supervisor = supervisor = _Planted(charge, self._failed, self._plants)
        operator = Operator(supervisor, store, self.ledger, self.chance)
        async with asyncio.TaskGroup() as tasks:
            helpers = [tasks.create_task(operator.mend(lambda: self.is_healed))]
            if self.plan.command_seconds:
                commands = operator.command(self.plan.command_seconds, lambda: self.is_healed)
                helpers.append(tasks.create_task(commands))
            await supervisor.run()
            for helper in helpers:
                helper.cancel()

    def _failed(self, _name: str, error: BaseException) -> None:
        self.note(f"failed {error!r}")
        if not (isinstance(error, PositionLostError) and self.plan.trims):
            self.ledger.violations.append(f"the pipeline failed: {error!r}")

    def _parts(self, store: Store) -> Parts:
        plan = self.plan
        sink = MemorySink(self.container, MemorySinkSettings(container=NAME, page_rows_max=plan.page_rows))
        return Parts(
            name=NAME,
            source=faulty_source(self._source(), self.network),
            sink=faulty_sink(sink, self.network, self._refuses),
            store=store,
            limits=plan.limits,
            clock=self.clock,
            jitter=seeded(f"jitter {self.chance.random()}"),
        )

    def _refuses(self, change: Change) -> bool:
        if self.is_healed or change.record is None or change.key not in self.workload.refused:
            return False
        self.ledger.excuse(change.key, number_of(change.record))
        return True

    def _source(self) -> Source:
        settings = MemorySourceSettings(
            table=NAME,
            poll_seconds=self.plan.poll_seconds,
            page_changes_max=self.plan.page_changes,
            page_rows_max=self.plan.page_rows,
            pieces=3,
        )
        source = (_MarkedLedgerSource if self.plan.marks else _LedgerSource)(self.table, settings)
        source.ledger = self.ledger
        return source


def _told(key: Key | None, document: bytes | None) -> str:
    number = None if document is None else number_in(document)
    return f"{'mark' if key is None else key_text(key)} {'deleted' if number is None else f'#{number}'}"
