"""What one write does to the sink. Each runs inside the lanes of its keys, so nothing else writes them.

- ``Apply``: a delta change, unconditionally (the cheap path of design 4.2).
- ``Insert``: a backfill row into a sink that was proved empty: only if absent, and not if buried.
- ``Reconcile``: a backfill row into any other sink: compared first, never written over something.
- ``Restore``: make the sink's record what the source's is now, by a conditional write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from replicator.connector import Conditions, Inserts, Reads, Sink
from replicator.engine.tombstones import Graveyard
from replicator.model.change import Change, Kind, Row
from replicator.model.errors import TransientError
from replicator.model.record import digest

RESTORE_ATTEMPTS_MAX = 20


class InsertingSink(Sink, Inserts, Protocol):
    """A sink that a backfill can fill."""


class RepairableSink(InsertingSink, Conditions, Reads, Protocol):
    """A sink whose records can be compared and written on condition."""


@dataclass(frozen=True)
class Apply:
    """Delta changes: plain upserts and deletes, deletes after their tombstones."""

    sink: Sink
    graveyard: Graveyard
    name: str = "apply"
    supersedes: bool = True

    async def perform(self, changes: Sequence[Change]) -> None:
        """Write the changes as they are."""
        await self.graveyard.bury(changes)
        await self.sink.write(changes)


@dataclass(frozen=True)
class Insert:
    """Backfill rows where nothing else was: what is there already is the delta's, and newer."""

    sink: InsertingSink
    graveyard: Graveyard
    name: str = "insert"
    supersedes: bool = False

    async def perform(self, changes: Sequence[Change]) -> None:
        """Insert what is absent and was not deleted meanwhile."""
        buried = await self.graveyard.buried([change.key for change in changes])
        alive = [change for change in changes if change.key not in buried] if buried else changes
        if alive:
            await self.sink.insert(alive)


@dataclass(frozen=True)
class Restore:
    """The sink's record becomes what the source's is; the given change matters only by its key.

    With ``deletes_only`` a record that the source still has is left to the delta.
    """

    source: Reads
    sink: RepairableSink
    deletes_only: bool = False
    name: str = "restore"
    supersedes: bool = False

    async def perform(self, changes: Sequence[Change]) -> None:
        """Restore one key after the other."""
        for change in changes:
            await self._restore(change)

    async def _restore(self, change: Change) -> None:
        """Sink's ETag, then the source's record, then a write on condition; again if it fails."""
        for _ in range(RESTORE_ATTEMPTS_MAX):
            in_sink = (await self.sink.fetch([change.key])).get(change.key)
            in_source = (await self.source.fetch([change.key])).get(change.key)
            if in_source is not None and self.deletes_only:
                return
            if _same(in_source, in_sink):
                return
            if await self._write_if(change, in_source, in_sink) and in_sink is not None:
                return
            # A create had no ETag to stand on, so only a second look proves it (design 4.2).
        raise TransientError("the record keeps changing under its repair", settled=True, reason="contended")

    async def _write_if(self, change: Change, in_source: Row | None, in_sink: Row | None) -> bool:
        etag = in_sink.etag if in_sink is not None else None
        if in_source is None:
            wanted = Change(Kind.DELETE, change.key, None, change.committed_at)
        else:
            wanted = Change(Kind.UPSERT, change.key, in_source.record, change.committed_at)
        return await self.sink.write_if(wanted, etag)


@dataclass(frozen=True)
class Reconcile:
    """Backfill rows into a sink that may hold anything (design 4.1, rule 3)."""

    sink: RepairableSink
    insert: Insert
    restore: Restore
    name: str = "reconcile"
    supersedes: bool = False

    async def perform(self, changes: Sequence[Change]) -> None:
        """Equal rows are left, absent ones inserted, different ones restored from a new source read."""
        present = await self.sink.fetch([change.key for change in changes])
        absent = [change for change in changes if change.key not in present]
        different = [
            change
            for change in changes
            if change.key in present and not _same(_row(change), present[change.key])
        ]
        if absent:
            await self.insert.perform(absent)
        if different:
            await self.restore.perform(different)


def _row(change: Change) -> Row | None:
    return None if change.record is None else Row(change.key, change.record)


def _same(one: Row | None, other: Row | None) -> bool:
    if one is None or other is None:
        return one is other
    return digest(one.record) == digest(other.record)
