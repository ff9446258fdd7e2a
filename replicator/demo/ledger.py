"""A writer's ledger: what its end has to hold, told by the one who wrote it, in a file of its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

LedgerKey = tuple[str, ...]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ledger (
    key TEXT PRIMARY KEY, text TEXT, writes INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID
"""
_NOTE = """
INSERT INTO ledger (key, text) VALUES (?, ?)
ON CONFLICT DO UPDATE SET text = excluded.text, writes = writes + 1
"""


class Ledger:
    """Key to the canonical text of what was written last; None where that was a delete.

    One process writes it; ``commit`` makes what was noted visible to others.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level="DEFERRED")
        self._db.execute("PRAGMA journal_mode = WAL")
        # It has to outlive its process, not the machine.
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(_SCHEMA)

    def note(self, key: LedgerKey, text: str) -> None:
        """This was written."""
        self._db.execute(_NOTE, (_text(key), text))

    def note_delete(self, key: LedgerKey) -> None:
        """The key was deleted; it stays in the ledger, so that a key that comes back is noticed."""
        self._db.execute(_NOTE, (_text(key), None))

    def commit(self) -> None:
        """Make durable what was noted."""
        self._db.commit()

    def find(self, key: LedgerKey) -> str | None:
        """The canonical text of one key."""
        row = self._db.execute("SELECT text FROM ledger WHERE key = ?", (_text(key),)).fetchone()
        return None if row is None else row[0]

    def items(self) -> Iterator[tuple[LedgerKey, str]]:
        """What has to be there."""
        for key, text in self._db.execute("SELECT key, text FROM ledger WHERE text IS NOT NULL"):
            yield tuple(json.loads(key)), text

    def deleted(self) -> int:
        """How many keys were deleted and did not come back."""
        (count,) = self._db.execute("SELECT count(*) FROM ledger WHERE text IS NULL").fetchone()
        return int(count)

    def close(self) -> None:
        """Commit and release the file."""
        self._db.commit()
        self._db.close()


def _text(key: LedgerKey) -> str:
    return json.dumps(key, ensure_ascii=False)
