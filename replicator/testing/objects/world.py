"""A world of objects."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from connectors.memory.config import MemorySinkSettings, MemorySourceSettings
from connectors.memory.objects.bucket import Kept, MemoryBucket
from connectors.memory.objects.sink import MemoryObjectSink
from connectors.memory.objects.source import MarkedMemoryObjectSource, MemoryObjectSource
from connectors.memory.objects.store import OBJECT_BYTES_MAX, Held
from replicator.config.limits import Limits
from replicator.config.settings import Gate
from replicator.connector import Sink, Source
from replicator.engine.gate import judge
from replicator.engine.status import PipelineStatus, observation_of
from replicator.engine.supervisor import Supervisor
from replicator.model.checkpoint import Phase
from replicator.model.errors import NotNowError
from replicator.model.key import Key
from replicator.stores import DeadLetter, Store
from replicator.testing.commands import CopyOperator, Operator
from replicator.testing.disk import InMemoryStore
from replicator.testing.loop import VirtualLoop, seeded
from replicator.testing.objects.faults import PIECE_BYTES, faulty_object_sink, faulty_object_source
from replicator.testing.objects.ledger import Ledger, names_of
from replicator.testing.objects.plan import LIST_SECONDS, draw
from replicator.testing.objects.systems import LedgerStore, WatchedObjectStore
from replicator.testing.objects.workload import BODY_BYTES_MAX, Workload
from replicator.testing.plan import draw_limits
from replicator.testing.queues import WatchedQueue, Weather
from replicator.testing.world import FRESHNESS_SECONDS_MAX, NAME, Plant, World

BOUNDS = Gate(
    lag_seconds_max=1.0,
    freshness_seconds_max=FRESHNESS_SECONDS_MAX,
    retention_seconds_min=60.0,
    list_age_seconds_max=30.0,
    stable_for_seconds=FRESHNESS_SECONDS_MAX,
)
BLOCK_BYTES = PIECE_BYTES
"""Every piece of a body is a block, with a call of its own that may go astray."""

KEYS_ASKED = 2


class ObjectOperator(CopyOperator):
    """An operator who also asks for the barrier of some keys, and waives some dead letters."""

    waive_share = 0.0

    def __init__(self, supervisor: Supervisor, store: Store, ledger: Ledger, chance: random.Random) -> None:
        super().__init__(supervisor, store, ledger, chance)
        self._objects = ledger

    async def look_after(self) -> None:
        """Who waives looks at the letters all the time."""
        if self.waive_share and self._chance.random() < self.waive_share:
            with suppress(NotNowError):
                await self._replay_one()

    @property
    def barriers(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """Barriers of keys as well."""
        return [*super().barriers, self._wait_for_keys]

    async def replay(self, letter: DeadLetter) -> None:
        """Replay one letter, or waive it.

        Raises:
            NotNowError: it is not its turn.
        """
        if self.waive_share and self._chance.random() < self.waive_share:
            await self._supervisor.waive(letter.id)
        else:
            await super().replay(letter)

    async def _wait_for_keys(self) -> None:
        names = names_of(self._objects.bucket)
        keys = [(name,) for name in self._chance.sample(names, min(KEYS_ASKED, len(names)))]
        numbers: dict[Key, int] = {key: self._objects.number_of(key) for key in keys}
        if keys:
            how = await self._supervisor.barrier(keys)
            self._objects.proved_keys(numbers, how)


class ObjectWorld(World):
    """A bucket, a store of objects, and what carries objects from one to the other."""

    def __init__(self, seed: int, loop: VirtualLoop, plants: Sequence[Plant]) -> None:
        self.plan = plan = draw(seed)
        super().__init__(seed, plan, loop, plants)
        self.store_rates = plan.store_rates
        weather = Weather(
            chance=seeded(f"weather {seed}"),
            repeat=plan.repeat,
            delay=plan.delay,
            lose=plan.lose,
            reorder=plan.reorder,
            is_over=lambda: self.is_healed,
        )
        queue = WatchedQueue(self.true_clock, plan.visibility_seconds, weather)
        self.bucket = MemoryBucket(self.true_clock, queue)
        self.objects = WatchedObjectStore(object_bytes_max=BODY_BYTES_MAX)
        self.ledger = Ledger(NAME, self.bucket, self.objects, queue, self.disk, self.true_clock)
        self.objects.refused = self.ledger.refused
        self.workload = Workload(self.chance, plan, self.bucket, self.objects, queue, self.ledger)
        self.bucket.watch(lambda name, kept: self.note(f"source {_told(name, kept)}"))
        self.objects.watch(lambda name, held: self.note(f"sink {_told(name, held)}"))

    @property
    def book(self) -> Ledger:
        """What really happened."""
        return self.ledger

    def prepare(self) -> None:
        """Objects, their events, leftovers in the sink."""
        self.workload.prepare()

    def activities(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Writes at both sides, and events that show again."""
        workload = self.workload
        return [
            workload.write_for(self.plan.busy_seconds),
            workload.meddle(),
            workload.widen(),
            workload.show_again(),
            workload.outgrow(),
        ]

    def draw_limits(self) -> Limits:
        """Lists as often as a seed likes them."""
        return draw_limits(self.chance, list_seconds=self.chance.choice(LIST_SECONDS))

    async def heal(self) -> None:
        """End all faults; the sink takes what was too large."""
        self.objects.object_bytes_max = OBJECT_BYTES_MAX
        await super().heal()

    def store(self, name: str) -> InMemoryStore:
        """A store whose notes are checked."""
        return LedgerStore(self.disk, name, self.ledger, self.note)

    def ends(self) -> tuple[Source, Sink]:
        """A source of the bucket and a sink of the store."""
        plan = self.plan
        reading = MemorySourceSettings(
            bucket=NAME,
            poll_seconds=plan.poll_seconds,
            page_changes_max=plan.page_changes,
            page_rows_max=plan.page_rows,
            pieces=3,
            replaced=plan.replaced,
        )
        writing = MemorySinkSettings(storage=NAME, block_bytes=BLOCK_BYTES, page_rows_max=plan.page_rows)
        source = (MarkedMemoryObjectSource if plan.marks else MemoryObjectSource)(self.bucket, reading)
        sink = MemoryObjectSink(self.objects, writing)
        return faulty_object_source(source, self.network), faulty_object_sink(sink, self.network)

    def operator(self, supervisor: Supervisor, store: Store) -> Operator:
        """Someone who waits on barriers, of all keys and of some, verifies and repairs."""
        operator = ObjectOperator(supervisor, store, self.ledger, self.chance)
        operator.repairs, operator.waive_share = self.plan.repairs, self.plan.waive_share
        return operator

    def compare(self, status: PipelineStatus) -> None:
        """The lag is not understated, and the gate not open too early."""
        slack = self.stepped_seconds + 1e-6
        if status.lag is not None and status.lag.lag_seconds is not None:
            self.ledger.reported(status.lag.lag_seconds + slack)
        # Assuming the sink verified, the gate opens more often, and has more to be honest about.
        observation = replace(observation_of(status), mismatches=0)
        self.verdict = judge([observation], BOUNDS, self.verdict, self.loop.time())
        listing = status.listing
        if self.verdict.can_cutover and listing is not None and listing.listed_at is not None:
            self.ledger.opened(listing.listed_at - slack)

    def is_complete(self, status: PipelineStatus) -> bool:
        """Whether the backfill is over as well, and no key counts as dirty."""
        return (
            super().is_complete(status)
            and status.proof is not None
            and status.changes_waiting == 0
            and status.backfill is not None
            and status.backfill.phase == Phase.COMPLETE.value
        )

    @property
    def is_settled(self) -> bool:
        """Whether nothing is noted, no event is left, and both sides are equal."""
        return self.ledger.is_quiet and not self.ledger.differences()

    async def conclude(self, seconds_max: float) -> None:
        """A verification finds nothing."""
        await self.verify(seconds_max)


def _told(name: str, thing: Kept | Held | None) -> str:
    if thing is None:
        return f"{name} deleted"
    return f"{name} {thing.record.version} {dict(thing.record.tags)} {thing.body[:4]!r}*{len(thing.body)}"
