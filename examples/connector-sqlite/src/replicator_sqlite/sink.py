"""The sink: writes records plainly, if absent, or on condition, and reads them back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence

from replicator.connector import Finding
from replicator.model.change import Change, Page, Row
from replicator.model.errors import BatchError, ChangeError
from replicator.model.key import Key

from replicator_sqlite import codec, schema
from replicator_sqlite.client import Database
from replicator_sqlite.codec import Statement
from replicator_sqlite.config import SqliteSinkSettings
from replicator_sqlite.probe import look
from replicator_sqlite.scan import PIECE, page, read


class SqliteSink:
    """A sink with every ability that a pipeline of records asks for."""

    def __init__(self, database: Database, settings: SqliteSinkSettings) -> None:
        self._database = database
        self._settings = settings

    # Sink: without these nothing works.

    async def connect(self) -> None:
        """Open the file and make its table, if it has none."""
        await self._database.open(schema.RECORDS)

    def group(self, key: Key) -> Hashable:
        """One group for all keys: a transaction takes any of them together."""
        return None

    @property
    def batch_changes_max(self) -> int:
        """As configured: a commit costs a flush of the disk, so one for many changes is the speed."""
        return self._settings.batch_changes_max

    async def write(self, changes: Sequence[Change]) -> None:
        """Apply the changes in one transaction; those that SQLite cannot hold are left out and named."""
        await self._send(changes, codec.write)

    async def close(self) -> None:
        """Close the file."""
        await self._database.close()

    # Inserts: backfill rows must not overwrite what the delta wrote.

    async def insert(self, changes: Sequence[Change]) -> None:
        """Write what is absent, in one transaction."""
        await self._send(changes, codec.create)

    # Conditions: repair, sweep and replay write only over what they have seen.

    async def write_if(self, change: Change, etag: str | None) -> bool:
        """Apply one change if the record has this ETag, or is absent with None."""
        if etag is None and change.record is None:
            return not await self.fetch([change.key])
        statement = codec.create(change) if etag is None else codec.replace(change, etag)
        (outcome,) = await self._database.apply([statement])
        if isinstance(outcome, ChangeError):
            raise outcome
        return outcome > 0

    # Reads and Scans: reconciling, verifying and repairing compare with these.

    async def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """The records of these keys, with their ETags."""
        return await read(self._database, keys)

    async def pieces(self) -> Sequence[str]:
        """One: the table in the order of its keys."""
        return [PIECE]

    async def scan(self, piece: str, cursor: str | None) -> Page:
        """The records after the cursor."""
        return await page(self._database, cursor, self._settings.page_rows_max)

    # Emptiness: a sink that is proved empty is filled without comparing.

    async def is_empty(self) -> bool:
        """Whether the table has no row."""
        ((some,),) = await self._database.select(Statement("SELECT EXISTS (SELECT 1 FROM records)"))
        return not some

    # Probes: `replicator validate` shows what they find.

    async def probe(self) -> Sequence[Finding]:
        """Whether the file is, or could become, what a sink needs."""
        return await asyncio.to_thread(look, self._settings.path, may_be_created=True)

    async def _send(self, changes: Sequence[Change], statement: Callable[[Change], Statement]) -> None:
        outcomes = await self._database.apply([statement(change) for change in changes])
        refused = {
            change.key: outcome
            for change, outcome in zip(changes, outcomes, strict=True)
            if isinstance(outcome, ChangeError)
        }
        if refused and len(changes) == 1:
            raise refused[changes[0].key]
        if refused:
            raise BatchError(refused)
