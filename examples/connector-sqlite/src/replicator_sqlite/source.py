"""The source: reads the log that triggers fill, and the records by key and as a whole.

There is one partition, and its name is the log's: a file that was replaced by another has another log. A
position is the number of the last entry that was read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import uuid4

from replicator.connector import Finding, Start
from replicator.model.change import Backlog, Batch, Page, Positions, Row
from replicator.model.clock import Clock
from replicator.model.key import Key

from replicator_sqlite import codec, errors, schema
from replicator_sqlite.client import Database
from replicator_sqlite.codec import Entry, Statement
from replicator_sqlite.config import SqliteSourceSettings
from replicator_sqlite.probe import look
from replicator_sqlite.scan import PIECE, page, read

_ENDS = Statement("""
WITH last AS (SELECT coalesce(max(seq), 0) AS number FROM sqlite_sequence WHERE name = 'changes')
SELECT log.name, coalesce((SELECT min(number) - 1 FROM changes), last.number), last.number FROM log, last
""")
_WAITING = "SELECT count(*), min(committed_at) FROM changes WHERE number > ? AND mark IS NULL"


class SqliteSource:
    """A source with marks: its log has one order, so a mark that comes out proves all before it."""

    def __init__(self, database: Database, settings: SqliteSourceSettings, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._log = ""
        self._read: int | None = None  # the last entry that was read; None while not connected
        self._at_end = False

    # Source: without these nothing works.

    async def connect(self, positions: Positions | None) -> Start:
        """Begin at the position, or, with None, at the log's end: what is older is in the table."""
        await self._database.open(schema.RECORDS, schema.LOG)
        ((self._log, forgotten, last),) = await self._database.select(_ENDS)
        start = last if positions is None else int(positions.get(self._log, -1))
        if not forgotten <= start <= last:
            raise errors.position_lost(self._log)
        self._read, self._at_end = start, False
        return Start({self._log: str(start)}, frozenset({self._log}))

    async def read(self) -> Batch:
        """The next page of the log; an empty one proves that the log was read to its end."""
        if self._at_end:
            await asyncio.sleep(self._settings.poll_seconds)
        looked_at, limit = self._clock.wall(), self._settings.page_changes_max
        found = await self._database.select(codec.entries_after(self._connected(), limit))
        # Nothing below awaits, so a cancelled read has taken nothing.
        batch = _batch(self._log, self._connected(), [Entry(*columns) for columns in found])
        self._read, self._at_end = int(batch.position), len(found) < limit
        return replace(batch, read_to=looked_at) if self._at_end else batch

    async def commit(self, positions: Positions) -> None:
        """Forget the entries up to here."""
        number = int(positions.get(self._log, 0))
        await self._database.apply([Statement("DELETE FROM changes WHERE number <= ?", (number,))])

    async def close(self) -> None:
        """Close the file; the log goes on being filled."""
        self._read = None
        await self._database.close()

    # Reads and Scans: backfill, repair and verification read the records themselves.

    async def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """The records as last committed."""
        return await read(self._database, keys)

    async def pieces(self) -> Sequence[str]:
        """One: the table in the order of its keys."""
        return [PIECE]

    async def scan(self, piece: str, cursor: str | None) -> Page:
        """The records after the cursor, as last committed."""
        return await page(self._database, cursor, self._settings.page_rows_max)

    # Marks: barrier, drain and the end of a backfill are proved with these.

    async def mark(self) -> str:
        """Append an entry that is not a change."""
        name = uuid4().hex
        await self._database.apply([Statement("INSERT INTO changes (mark) VALUES (?)", (name,))])
        return name

    # Backlogs and Estimates: figures for status and progress.

    async def backlog(self) -> Backlog:
        """The entries that were not read yet."""
        ((count, since),) = await self._database.select(Statement(_WAITING, (self._connected(),)))
        return Backlog(count, max(0.0, self._clock.wall() - since) if count else 0.0)

    async def estimate(self) -> int | None:
        """The number of records."""
        ((count,),) = await self._database.select(Statement("SELECT count(*) FROM records"))
        return int(count)

    # Probes: `replicator validate` shows what they find.

    async def probe(self) -> Sequence[Finding]:
        """Whether the file is what a source needs."""
        return await asyncio.to_thread(look, self._settings.path, may_be_created=False)

    def _connected(self) -> int:
        if self._read is None:
            raise errors.not_connected()
        return self._read


def _batch(log: str, read: int, entries: Sequence[Entry]) -> Batch:
    return Batch(
        partition=log,
        changes=[change for entry in entries if (change := codec.change(entry)) is not None],
        position=str(entries[-1].number if entries else read),
        marks=tuple(entry.mark for entry in entries if entry.mark is not None),
        size_bytes=sum(len(entry.record or "") for entry in entries),
    )
