"""Items: rows of tables, each change with the full record, from the stream through the lanes to the sink.

    source.read → tracker.track → delivery (lanes) → sink.write
                                        │ durable
    source.commit ← keeper.save ← tracker ┘

Beside it run the backfill of what was there before (``backfill``, ``sweep``) and the proof that everything
up to a moment has been applied (``proof``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from replicator.engine.backfill import restore_keys
from replicator.engine.backfilled import Activity, BackfilledPipeline
from replicator.engine.dead_letters import WAIVED
from replicator.engine.lag import oldest_pending
from replicator.engine.operations import Apply, Insert, Reconcile
from replicator.engine.parts import Parts, item_ends
from replicator.engine.phases import Phases
from replicator.engine.restore import Restore
from replicator.engine.sweep import Sweeper
from replicator.engine.tombstones import Graveyard
from replicator.engine.tracker import Ticket
from replicator.engine.verify import Verification, Verifier
from replicator.model.change import Batch
from replicator.model.checkpoint import Backfill, Mode, Phase
from replicator.model.key import Key
from replicator.stores import DeadLetter


class ItemPipeline(BackfilledPipeline):
    """A pipeline of items."""

    row_operations = ("insert", "reconcile")

    def __init__(self, parts: Parts) -> None:
        self.source, self.sink = item_ends(parts)
        super().__init__(parts, self.source, self.sink, self.sink)
        self.graveyard = Graveyard(parts.store, parts.name)
        self.apply = Apply(self.sink, self.graveyard)
        self.restore = Restore(self.source, self.sink)

    async def applied(self) -> str:
        """Return, with how it is proved, once everything committed before this call is at the sink."""
        return await self.proofs.applied()

    async def replay(self, letter: DeadLetter) -> bool:
        """Restore the letter's key from the source, so that nothing newer is overwritten.

        If it is refused again a newer letter takes the place of this one, which shows when it is settled.
        """
        await self._restore_keys([letter.key])
        return True

    def oldest_pending(self) -> Mapping[str, float]:
        """Partition to the commit time of its oldest change that is not durable."""
        return oldest_pending(self.delivery.lanes.pending())

    def verifier(self, *, repair: bool, found: Callable[[Verification], None]) -> Verifier:
        """Compares by digest; repairs through the lanes, from the source."""
        return Verifier(
            source=self.source,
            sink=self.sink,
            catch_up=self.applied,
            repair=self._restore_keys if repair else None,
            find_waived=partial(self.morgue.find, states=(WAIVED,)),
            found=found,
            retrier=self.retrier,
        )

    async def _restore_keys(self, keys: Sequence[Key]) -> None:
        await restore_keys(self.delivery, self.restore, keys)

    def _submit(self, batch: Batch, ticket: Ticket) -> None:
        self.delivery.submit(self.apply, batch.changes, ticket, batch.partition)

    async def _prepare(self, backfill: Backfill) -> None:
        if backfill.phase is Phase.ROWS:
            await self.graveyard.open(backfill.run)

    def _activities(self) -> tuple[list[Activity], list[Activity]]:
        return [], []

    async def _drain(self) -> None:
        await self.delivery.idle()

    async def _run_backfill(self) -> str:
        insert = Insert(self.sink, self.graveyard)
        inserting = self.keeper.backfill.mode is Mode.INSERT
        rows = insert if inserting else Reconcile(self.sink, insert, self.restore)
        sweep = Restore(self.source, self.sink, deletes_only=True, name="sweep")
        phases = Phases(
            pipeline=self.parts.name,
            keeper=self.keeper,
            copier=self._copier(rows),
            delivery=self.delivery,
            graveyard=self.graveyard,
            proofs=self.proofs,
            sweeper=Sweeper(self.source, self.delivery, sweep, self.retrier),
            tombstones=self.parts.store,
            sink=self.sink,
            clock=self.parts.clock,
        )
        return await phases.run(self.limits)
