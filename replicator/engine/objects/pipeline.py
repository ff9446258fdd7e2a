"""The pipeline of objects, on one page.

    source.read → dirt (durable) → delivery (lanes) → copy: sink.fetch, source.download, sink.upload
                       │ noted            ▲                    │ done
    source.commit ◀────┘                  └── dirt, by generation, cleared when copied

The backfill copies what the source's listing shows, through the same lanes. A reconciling list of both
sides finds what no event told, and is the proof that everything up to a moment has been applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from replicator.engine.backfill import restore_keys
from replicator.engine.backfilled import Activity, BackfilledPipeline
from replicator.engine.dead_letters import OPEN, WAIVED
from replicator.engine.objects.copying import Copy, CopyRow, OneByOne
from replicator.engine.objects.dirt import Dirt, Done
from replicator.engine.objects.listing import Lister
from replicator.engine.objects.moot import Moot
from replicator.engine.objects.verify import ObjectVerifier
from replicator.engine.parts import Parts, object_ends
from replicator.engine.proof import BY_LIST
from replicator.engine.tracker import Ticket
from replicator.engine.verify import Verification, Verifier
from replicator.model.change import Batch, Change, Kind
from replicator.model.checkpoint import Backfill, Mode, Phase
from replicator.model.key import Key
from replicator.stores import DeadLetter, DirtyRow

EVENTS = "events"
"""The partition that changes of objects are told of under, whatever the source calls its own."""


class ObjectPipeline(BackfilledPipeline):
    """A pipeline of objects."""

    row_operations = ("row",)

    def __init__(self, parts: Parts) -> None:
        self.source, self.sink = object_ends(parts)
        super().__init__(parts, self.source, self.sink, OneByOne(self.sink))
        self.copy = Copy(self.source, self.sink)
        self.recopy = Copy(self.source, self.sink, force=True, name="recopy")
        self.dirt = Dirt(
            parts.store,
            parts.name,
            self.retrier,
            parts.clock,
            self._hand_over,
            self.limits,
        )
        self.moot = Moot(self.morgue, self.retrier)
        self.lister = Lister(
            parts.name,
            self.source,
            self.sink,
            self.dirt,
            parts.store,
            self.retrier,
            parts.clock,
            self._note_list,
            partial(self.morgue.find, states=(OPEN, WAIVED)),
        )

    async def applied(self) -> str:
        """Return, with the label, once everything committed before this call is at the sink.

        A mark comes first where the source has any, because most of what changed comes with it; the list
        is the proof, since events come in any order, and it costs a listing of both sides.
        """
        await self.proofs.applied()
        await self.lister.list_both()
        return BY_LIST

    async def replay(self, letter: DeadLetter) -> bool:
        """Copy the letter's key as it is at the source now.

        If it is refused again a newer letter takes the place of this one, which shows when it is settled.
        """
        await self._recopy_keys([letter.key])
        return True

    def oldest_pending(self) -> Mapping[str, float]:
        """The commit time of the oldest change that is noted or about to be, and not copied."""
        since = self.dirt.oldest_since
        if since is None:
            return {}
        return dict.fromkeys(self.partitions.read_to or (EVENTS,), since)

    @property
    def has_barrier(self) -> bool:
        """A list proves what was read, with marks or without."""
        return True

    @property
    def waiting(self) -> int | None:
        """How many keys are dirty."""
        return self.dirt.count

    def verifier(self, *, repair: bool, found: Callable[[Verification], None]) -> Verifier:
        """Compares bodies by checksum; repairs by copying again."""
        return ObjectVerifier(
            source=self.source,
            sink=self.sink,
            catch_up=self.applied,
            repair=self._recopy_keys if repair else None,
            find_waived=partial(self.morgue.find, states=(WAIVED,)),
            found=found,
            retrier=self.retrier,
        )

    def _submit(self, batch: Batch, ticket: Ticket) -> None:
        """A hint is dealt with, for its source, when it is noted."""
        changes = batch.changes

        def noted() -> None:
            for _ in changes:
                ticket.resolve()

        self.dirt.note([(change.key, change.committed_at) for change in changes], noted)

    async def _hand_over(self, rows: Sequence[DirtyRow], done: Done) -> None:
        letters = await self.moot.find([row.key for row in rows])
        for row in rows:
            told = partial(self._copied, letters.get(row.key), row, done)
            hint = Change(Kind.DIRTY, row.key, None, row.since)
            self.delivery.submit(self.copy, [hint], Ticket(1, told), EVENTS)

    def _copied(self, letter: DeadLetter | None, row: DirtyRow, done: Done) -> None:
        if letter is not None:
            self.moot.note(letter)
        done(row)

    async def _restore_keys(self, keys: Sequence[Key]) -> None:
        await restore_keys(self.delivery, self.copy, keys)

    async def _recopy_keys(self, keys: Sequence[Key]) -> None:
        await restore_keys(self.delivery, self.recopy, keys)

    async def _prepare(self, _backfill: Backfill) -> None:
        await self.dirt.open()

    def _activities(self) -> tuple[list[Activity], list[Activity]]:
        finishing = [
            ("notes", self.dirt.note_forever()),
            ("clears", self.dirt.clear_forever()),
            ("letters", self.moot.settle_forever()),
        ]
        beginning = [
            ("feed", self.dirt.feed_forever(self._unpaused.wait)),
            ("list", self.lister.list_forever(self.limits, self._may_list)),
        ]
        return finishing, beginning

    async def _drain(self) -> None:
        """Hints that were read are noted, copies under way are finished; the other rows are kept."""
        await self.dirt.flushed()
        await self.delivery.idle()
        await self.dirt.flushed()
        await self.moot.settled()

    def _may_list(self) -> bool:
        return self.proof is not None and not self.paused

    def _note_list(self, began: float) -> None:
        self.keeper.note(replace(self.keeper.backfill, listed_at=began))

    async def _run_backfill(self) -> str:
        if self.keeper.backfill.phase is Phase.ROWS:
            rows = CopyRow(self.source, self.sink, absent=self.keeper.backfill.mode is Mode.INSERT)
            await self._copier(rows).copy(self.limits)
            await self.delivery.settle()
            await self._enter(Phase.END_MARK)
        proof = await self.applied()
        if self.keeper.backfill.phase is not Phase.COMPLETE:
            await self._enter(Phase.COMPLETE)
        return proof

    async def _enter(self, phase: Phase) -> None:
        completed_at = self.parts.clock.wall() if phase is Phase.COMPLETE else None
        self.keeper.note(replace(self.keeper.backfill, phase=phase, completed_at=completed_at))
        await self.keeper.save()
