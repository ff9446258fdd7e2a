"""The systems of a world of objects that have something to tell the ledger: the store, and our own disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.memory.objects.errors import Refusal, StoreError
from connectors.memory.objects.store import MemoryObjectStore
from replicator.model.checkpoint import Checkpoint
from replicator.model.key import Key
from replicator.model.record import Object
from replicator.stores import DirtyRow, Noted
from replicator.testing.disk import Disk, InMemoryStore
from replicator.testing.objects.ledger import Ledger


class WatchedObjectStore(MemoryObjectStore):
    """A store of objects that tells of what it finds too large: ``refused`` gets the name and the body."""

    def __init__(self, *, object_bytes_max: int) -> None:
        super().__init__(object_bytes_max=object_bytes_max)
        self.refused: Callable[[str, bytes], None] = lambda _name, _body: None

    def commit(self, name: str, blocks: Sequence[str], record: Object, if_match: str | None) -> str:
        """Make these blocks the object."""
        staged = self._staged.get(name, {})
        try:
            return super().commit(name, blocks, record, if_match)
        except StoreError as error:
            if error.refusal is Refusal.TOO_LARGE:
                self.refused(name, b"".join(staged[block] for block in blocks))
            raise


class LedgerStore(InMemoryStore):
    """A store that shows the ledger what it notes and what it forgets."""

    def __init__(self, disk: Disk, name: str, ledger: Ledger, note: Callable[[str], None]) -> None:
        super().__init__(disk, name)
        self._ledger = ledger
        self._note = note

    async def save(self, pipeline: str, checkpoint: Checkpoint) -> None:
        """Save, then have it checked."""
        await super().save(pipeline, checkpoint)
        self._note("saved")
        self._ledger.saved(checkpoint)

    async def add_dirty(
        self, pipeline: str, keys: Sequence[tuple[Key, float]], *, epoch: int | None = None
    ) -> Noted:
        """Note the keys, then tell of it."""
        noted = await super().add_dirty(pipeline, keys, epoch=epoch)
        self._ledger.noted(keys)
        return noted

    async def settle_dead_letter(self, letter_id: int, state: str, *, epoch: int | None = None) -> bool:
        """Settle a letter, then have that checked."""
        settled = await super().settle_dead_letter(letter_id, state, epoch=epoch)
        letter = await self.get_dead_letter(letter_id)
        if settled and letter is not None:
            self._ledger.settled(letter)
        return settled

    async def clear_dirty(
        self, pipeline: str, rows: Sequence[DirtyRow], *, epoch: int | None = None
    ) -> int:
        """Forget rows, then have those checked that are gone."""
        before = set(self._disk.dirty.get(pipeline, {}))
        cleared = await super().clear_dirty(pipeline, rows, epoch=epoch)
        after = self._disk.dirty.get(pipeline, {})
        self._note(f"cleared {cleared}")
        for row in rows:
            if row.key in before and row.key not in after:
                self._ledger.cleared(row.key)
        return cleared
