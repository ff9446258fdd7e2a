"""A world of items."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from connectors.memory.config import MemorySinkSettings, MemorySourceSettings
from connectors.memory.container import MemoryContainer
from connectors.memory.sink import MemorySink
from connectors.memory.source import MarkedMemorySource, MemorySource
from connectors.memory.table import MemoryTable
from replicator.config.settings import Gate
from replicator.connector import Sink, Source
from replicator.engine.gate import judge
from replicator.engine.status import PipelineStatus, observation_of
from replicator.engine.supervisor import Supervisor
from replicator.model.change import Change, Positions
from replicator.model.checkpoint import Checkpoint, Phase
from replicator.model.errors import PositionLostError
from replicator.model.key import Key, key_text
from replicator.stores import Store
from replicator.testing.commands import CopyOperator, Operator
from replicator.testing.disk import Disk, InMemoryStore
from replicator.testing.faults import faulty_sink, faulty_source
from replicator.testing.items.ledger import Ledger, number_in, number_of
from replicator.testing.items.plan import draw
from replicator.testing.items.workload import Workload
from replicator.testing.loop import VirtualLoop
from replicator.testing.world import FRESHNESS_SECONDS_MAX, NAME, Plant, World

BOUNDS = Gate(
    lag_seconds_max=1.0,
    freshness_seconds_max=FRESHNESS_SECONDS_MAX,
    retention_seconds_min=60.0,
    stable_for_seconds=FRESHNESS_SECONDS_MAX,
)


class LedgerStore(InMemoryStore):
    """A store that shows every saved checkpoint to the ledger."""

    def __init__(self, disk: Disk, name: str, ledger: Ledger, note: Callable[[str], None]) -> None:
        super().__init__(disk, name)
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


class ItemWorld(World):
    """A table, a container, and what carries rows from one to the other."""

    def __init__(self, seed: int, loop: VirtualLoop, plants: Sequence[Plant]) -> None:
        self.plan = plan = draw(seed)
        super().__init__(seed, plan, loop, plants)
        self.table = MemoryTable(
            plan.shards,
            self.true_clock,
            delay_seconds=plan.delay_seconds,
            forgets_committed=plan.forgets,
        )
        self.container = MemoryContainer()
        self.ledger = Ledger(self.table, self.container, self.true_clock)
        self.workload = Workload(self.chance, plan, self.table, self.ledger)
        self.table.withholds = self.workload.withholds
        self._accepts_at = loop.time() + plan.accepted_share * plan.busy_seconds
        self.container.watch(lambda done: self.note(f"sink {_told(done.key, done.document)}"))
        self.table.watch(lambda shard, entry: self.note(f"{shard} {_told(entry.key, entry.document)}"))

    @property
    def book(self) -> Ledger:
        """What really happened."""
        return self.ledger

    def prepare(self) -> None:
        """Rows, their history in the log, leftovers in the sink."""
        self.workload.prepare()

    def activities(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Writes; and what happens to shards and to the log."""
        workload = self.workload
        return [
            workload.write_for(self.plan.busy_seconds),
            workload.purge(),
            workload.split_shards(),
            workload.trim_log(),
        ]

    def store(self, name: str) -> InMemoryStore:
        """A store whose checkpoints are checked."""
        return LedgerStore(self.disk, name, self.ledger, self.note)

    def ends(self) -> tuple[Source, Sink]:
        """A source of the table and a sink of the container."""
        sink = MemorySink(
            self.container, MemorySinkSettings(container=NAME, page_rows_max=self.plan.page_rows)
        )
        source = faulty_source(self._source(), self.network, self.plan.iterator_seconds)
        return source, faulty_sink(sink, self.network, self._refuses)

    def operator(self, supervisor: Supervisor, store: Store) -> Operator:
        """Someone who waits on barriers, verifies and repairs."""
        operator = CopyOperator(supervisor, store, self.ledger, self.chance)
        operator.repairs = self.plan.repairs
        return operator

    def compare(self, status: PipelineStatus) -> None:
        """The lag is not understated, and the gate not open too early."""
        lag = status.lag
        if lag is None or lag.lag_seconds is None or lag.freshness_seconds is None:
            return
        behind = max(lag.lag_seconds, lag.freshness_seconds) + self.stepped_seconds + 1e-6
        self.ledger.reported(behind)
        # Assuming the sink verified, the gate opens more often, and has more to be honest about.
        observation = replace(observation_of(status), mismatches=0)
        self.verdict = judge([observation], BOUNDS, self.verdict, self.loop.time())
        if self.verdict.can_cutover:
            self.ledger.opened(behind)

    def is_complete(self, status: PipelineStatus) -> bool:
        """Whether the backfill is over as well, and what was replayed is applied."""
        return (
            super().is_complete(status)
            and status.proof is not None
            and status.backfill is not None
            and status.backfill.phase == Phase.COMPLETE.value
        )

    @property
    def is_settled(self) -> bool:
        """Whether the checkpoint stands at the end, and both sides are equal."""
        return self.ledger.is_all_saved and not self.ledger.differences()

    async def conclude(self, seconds_max: float) -> None:
        """A verification finds nothing."""
        await self.verify(seconds_max)

    def excuses(self, error: BaseException) -> bool:
        """Whether the log was trimmed before it was read."""
        return isinstance(error, PositionLostError) and bool(self.plan.trims)

    def _refuses(self, change: Change) -> bool:
        accepts = self.is_healed or (self.plan.accepted_share < 1.0 and self.loop.time() > self._accepts_at)
        if accepts or change.record is None or change.key not in self.workload.refused:
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
