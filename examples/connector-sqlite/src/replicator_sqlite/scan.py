"""Reading records, by key and as a whole: what source and sink have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from replicator.model.change import Page, Row
from replicator.model.key import Key

from replicator_sqlite import codec
from replicator_sqlite.client import Database

PIECE = "all"
"""A file is read by one thread, so more pieces would not make a scan faster."""


async def read(database: Database, keys: Sequence[Key]) -> Mapping[Key, Row]:
    """The records of these keys as they are now; absent ones are left out."""
    found = map(codec.row, await database.select(codec.rows_of(keys)))
    return {row.key: row for row in found}


async def page(database: Database, cursor: str | None, rows_max: int) -> Page:
    """The records after the cursor, which is the last key of the page before, as the file has it."""
    found = await database.select(codec.rows_after(cursor, rows_max))
    return Page([codec.row(columns) for columns in found], found[-1][0] if len(found) == rows_max else None)
