"""The writer's ledger: what the table has to hold, told by the one who wrote it, in a file of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from replicator.demo.canonical import TypedItem, canonical
from replicator.demo.orders import HASH_KEY, RANGE_KEY

LedgerKey = tuple[str, str]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    hash TEXT, range TEXT, item TEXT, writes INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (hash, range)
) WITHOUT ROWID
"""
_NOTE = """
INSERT INTO orders (hash, range, item) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET item = excluded.item, writes = writes + 1
"""


def key_of(item: TypedItem) -> LedgerKey:
    """The key of an order."""
    return item[HASH_KEY]["S"], item[RANGE_KEY]["S"]


class Ledger:
    """Key to the canonical text of the item that was written last; None where that was a delete.

    One process writes it; ``commit`` makes what was noted visible to others.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level="DEFERRED")
        self._db.execute("PRAGMA journal_mode = WAL")
        # It has to outlive its process, not the machine.
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(_SCHEMA)

    def note(self, item: TypedItem) -> None:
        """The item was written."""
        self._db.execute(_NOTE, (*key_of(item), canonical(item)))

    def note_delete(self, key: LedgerKey) -> None:
        """The key was deleted; it stays in the ledger, so that a key that comes back is noticed."""
        self._db.execute(_NOTE, (*key, None))

    def commit(self) -> None:
        """Make durable what was noted."""
        self._db.commit()

    def find(self, key: LedgerKey) -> str | None:
        """The canonical text of one key's item."""
        row = self._db.execute("SELECT item FROM orders WHERE hash = ? AND range = ?", key).fetchone()
        return None if row is None else row[0]

    def items(self) -> Iterator[tuple[LedgerKey, str]]:
        """What has to be there."""
        for pk, sk, item in self._db.execute("SELECT hash, range, item FROM orders WHERE item IS NOT NULL"):
            yield (pk, sk), item

    def deleted(self) -> int:
        """How many keys were deleted and did not come back."""
        (count,) = self._db.execute("SELECT count(*) FROM orders WHERE item IS NULL").fetchone()
        return int(count)

    def close(self) -> None:
        """Commit and release the file."""
        self._db.commit()
        self._db.close()
