"""Tombstones: keys that the delta deleted while a backfill was running (design 4.1, rule 4).

A backfill row was read at some moment; a delete that the delta applied since then must not be undone by
it. So a delete leaves a durable tombstone before it happens, and a row whose key has one is not written.
An upsert does not clear it: the row may still be the older of the two.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

from replicator.model.change import Change, Kind
from replicator.model.key import Key
from replicator.stores import Tombstones


class Graveyard:
    """The tombstones of one pipeline's running backfill; outside a backfill it is closed and idle."""

    def __init__(self, store: Tombstones, pipeline: str) -> None:
        self._store = store
        self._pipeline = pipeline
        self._run: int | None = None
        self._occupied = False

    async def open(self, run: int) -> None:
        """From now on every delete leaves a tombstone of this run."""
        self._run = run
        self._occupied = bool(await self._store.list_tombstones(self._pipeline, run, None, 1))

    def close(self) -> None:
        """No further row will be written: deletes need no tombstones any more."""
        self._run = None

    async def bury(self, changes: Sequence[Change]) -> None:
        """Before these changes are applied: make the tombstones of the deletes durable, in one commit."""
        if self._run is None:
            return
        keys = [change.key for change in changes if change.kind is Kind.DELETE]
        if keys:
            self._occupied = True
            await self._store.add_tombstones(self._pipeline, self._run, keys)

    async def buried(self, keys: Sequence[Key]) -> Set[Key]:
        """Those of the keys that were deleted during this run."""
        if self._run is None or not self._occupied:
            return frozenset()
        return await self._store.find_tombstones(self._pipeline, self._run, keys)
