"""The embedded store: one SQLite file, for the processes of one host, durable with every answer."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from replicator.model.checkpoint import Checkpoint
from replicator.model.errors import StateError
from replicator.model.key import Key
from replicator.state import checkpoints, dead_letters, dirty_rows, journal, tombstones
from replicator.state.checkpoints import fenced
from replicator.state.comparison import SqliteComparison
from replicator.state.failures import state_error
from replicator.state.lock import Presence, has_ended, opening
from replicator.state.opening import connect, open_database
from replicator.state.report import JsonLinesReport
from replicator.state.writer import Operation, Result, Writer
from replicator.stores import (
    DAY,
    Claim,
    DeadLetter,
    DirtyRow,
    JournalEntry,
    Lease,
    Noted,
    Oldest,
    Term,
)


class SqliteStore:
    """A ``Store`` in one file, in write-ahead mode with full durability.

    Writes go through one thread that commits what arrives together at once; reads have a connection
    and a thread of their own and never wait for a commit. A call raises StateError where the disk is
    full or fails; its write has then happened or not. It raises TransientError, settled, where another
    process was writing for too long. Nothing is kept in memory: what another process wrote is seen.
    """

    def __init__(self, path: Path, presence: Presence, writer: Writer, reading: sqlite3.Connection) -> None:
        """Use ``open``, which checks the file."""
        self._path = path
        self._presence = presence
        self._writer = writer
        self._reading = reading
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="state-reader")

    @classmethod
    async def open(cls, path: str | Path) -> SqliteStore:
        """Open or create the state file.

        Missing directories are made. A file that is refused is left as it was.

        Raises:
            StateError: the file is in use by an older release, damaged, foreign, of a newer schema, or
                cannot be read or written.
        """
        return await asyncio.to_thread(cls._open, Path(path))

    @classmethod
    def _open(cls, named: Path) -> SqliteStore:
        path = _place(named)
        with opening(path):
            connection = open_database(path)
            presence = Presence(path)
        return cls(path, presence, Writer(path, connection), connect(path))

    async def look(self, pipeline: str) -> Lease:
        """See ``replicator.stores.Leases``; that a process has ended is told by its lock."""
        lease = await self._read(partial(checkpoints.look, pipeline=pipeline))
        if lease.over or lease.holder == self._presence.name:
            return replace(lease, over=True)
        return replace(lease, over=await asyncio.to_thread(has_ended, self._path, lease.holder))

    async def claim(self, pipeline: str, seen: Lease | None = None, term: Term = DAY) -> Claim:
        """See ``replicator.stores.Leases``."""
        name = self._presence.name
        return await self._write(
            partial(checkpoints.claim, pipeline=pipeline, seen=seen, term=term, holder=name)
        )

    async def renew(self, pipeline: str, epoch: int) -> None:
        """See ``replicator.stores.Leases``."""
        await self._write(partial(checkpoints.renew, pipeline=pipeline, epoch=epoch))

    async def release(self, pipeline: str, epoch: int, *, clean: bool = True) -> None:
        """See ``replicator.stores.Leases``."""
        await self._write(partial(checkpoints.release, pipeline=pipeline, epoch=epoch, clean=clean))

    async def save(self, pipeline: str, checkpoint: Checkpoint) -> None:
        """See ``replicator.stores.Checkpoints``."""
        await self._write(partial(checkpoints.save, pipeline=pipeline, checkpoint=checkpoint))

    async def add_tombstones(
        self, pipeline: str, run: int, keys: Sequence[Key], *, epoch: int | None = None
    ) -> None:
        """See ``replicator.stores.Tombstones``."""
        adding = partial(tombstones.add, pipeline=pipeline, run=run, keys=keys)
        await self._write(fenced(adding, pipeline, epoch))

    async def find_tombstones(self, pipeline: str, run: int, keys: Sequence[Key]) -> Set[Key]:
        """See ``replicator.stores.Tombstones``."""
        return await self._read(partial(tombstones.find, pipeline=pipeline, run=run, keys=keys))

    async def list_tombstones(
        self, pipeline: str, run: int, after: Key | None, limit: int
    ) -> Sequence[Key]:
        """See ``replicator.stores.Tombstones``; the order is that of the keys' texts."""
        return await self._read(
            partial(tombstones.list_after, pipeline=pipeline, run=run, after=after, limit=limit)
        )

    async def drop_tombstones(self, pipeline: str, run: int, *, epoch: int | None = None) -> None:
        """See ``replicator.stores.Tombstones``."""
        dropping = partial(tombstones.drop, pipeline=pipeline, run=run)
        await self._write(fenced(dropping, pipeline, epoch))

    async def add_dirty(
        self, pipeline: str, keys: Sequence[tuple[Key, float]], *, epoch: int | None = None
    ) -> Noted:
        """See ``replicator.stores.DirtyRows``."""
        adding = partial(dirty_rows.add, pipeline=pipeline, keys=keys)
        return await self._write(fenced(adding, pipeline, epoch))

    async def list_dirty(self, pipeline: str, after: int, limit: int) -> Sequence[DirtyRow]:
        """See ``replicator.stores.DirtyRows``."""
        return await self._read(partial(dirty_rows.list_after, pipeline=pipeline, after=after, limit=limit))

    async def clear_dirty(
        self, pipeline: str, rows: Sequence[DirtyRow], *, epoch: int | None = None
    ) -> int:
        """See ``replicator.stores.DirtyRows``."""
        clearing = partial(dirty_rows.clear, pipeline=pipeline, rows=rows)
        return await self._write(fenced(clearing, pipeline, epoch))

    async def count_dirty(self, pipeline: str) -> int:
        """See ``replicator.stores.DirtyRows``."""
        return await self._read(partial(dirty_rows.count, pipeline=pipeline))

    async def oldest_dirty(self, pipeline: str) -> Oldest | None:
        """See ``replicator.stores.DirtyRows``."""
        return await self._read(partial(dirty_rows.oldest, pipeline=pipeline))

    async def add_dead_letters(self, letters: Sequence[DeadLetter], *, epoch: int | None = None) -> None:
        """See ``replicator.stores.DeadLetters``."""
        adding = partial(dead_letters.add, letters=letters)
        await self._write(fenced(adding, letters[0].pipeline, epoch) if letters else adding)

    async def list_dead_letters(
        self, pipeline: str | None, state: str | None, after: int, limit: int
    ) -> Sequence[DeadLetter]:
        """See ``replicator.stores.DeadLetters``."""
        return await self._read(
            partial(dead_letters.list_after, pipeline=pipeline, state=state, after=after, limit=limit)
        )

    async def get_dead_letter(self, letter_id: int) -> DeadLetter | None:
        """See ``replicator.stores.DeadLetters``."""
        return await self._read(partial(dead_letters.get, letter_id=letter_id))

    async def count_dead_letters(self, pipeline: str) -> int:
        """See ``replicator.stores.DeadLetters``."""
        return await self._read(partial(dead_letters.count_open, pipeline=pipeline))

    async def newest_dead_letters(self, pipeline: str, keys: Sequence[Key]) -> Sequence[DeadLetter]:
        """See ``replicator.stores.DeadLetters``."""
        return await self._read(partial(dead_letters.newest, pipeline=pipeline, keys=keys))

    async def settle_dead_letter(self, letter_id: int, state: str, *, epoch: int | None = None) -> bool:
        """See ``replicator.stores.DeadLetters``."""
        return await self._write(
            partial(dead_letters.settle, letter_id=letter_id, state=state, epoch=epoch)
        )

    async def append(self, entry: JournalEntry) -> None:
        """See ``replicator.stores.Journal``."""
        await self._write(partial(journal.append, entry=entry))

    async def entries(self, limit: int) -> Sequence[JournalEntry]:
        """See ``replicator.stores.Journal``."""
        return await self._read(partial(journal.newest, limit=limit))

    async def open_comparison(self, pipeline: str) -> SqliteComparison:
        """See ``replicator.stores.Desk``; it lies beside the state file."""
        place = self._path.with_name(f"{self._path.name}.verify-{pipeline}")
        return await asyncio.to_thread(SqliteComparison, place)

    async def open_report(self, pipeline: str, at: float) -> JsonLinesReport:
        """See ``replicator.stores.Desk``; reports lie in a folder beside the state file."""
        moment = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        place = self._path.parent / "reports" / f"verify-{pipeline}-{moment}.jsonl"
        return await asyncio.to_thread(JsonLinesReport, place)

    async def close(self) -> None:
        """Finish the writes under way and close the file."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._reader.shutdown()
        self._reading.close()
        self._writer.close()
        self._presence.release()

    async def _write(self, operation: Operation[Result]) -> Result:
        return await asyncio.wrap_future(self._writer.submit(operation))

    async def _read(self, operation: Operation[Result]) -> Result:
        try:
            future = self._reader.submit(operation, self._reading)
        except RuntimeError as error:  # the executor's word for "shut down"
            raise StateError(f"the state file {self._path} is closed") from error
        try:
            return await asyncio.wrap_future(future)
        except sqlite3.Error as error:
            raise state_error(self._path, error) from error


def _place(named: Path) -> Path:
    """The file's one absolute path, so that all its names share a lock; its directory exists."""
    try:
        path = named.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"the directory of the state file {named} cannot be made: {error.strerror}",
            hint="Point state.path at a directory that the service's user may write to.",
        ) from error
    return path
