"""Tombstones in SQL; the adding and dropping functions run inside a transaction of the caller's."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence, Set

from replicator.model.key import Key, key_from_text, key_text

QUERY_KEYS_MAX = 500
"""Keys in one query, below SQLite's oldest bound of 999 variables (https://sqlite.org/limits.html)."""


def add(connection: sqlite3.Connection, pipeline: str, run: int, keys: Sequence[Key]) -> None:
    """Note the keys; those that are noted already stay."""
    connection.executemany(
        "INSERT OR IGNORE INTO tombstones (pipeline, run, key) VALUES (?, ?, ?)",
        [(pipeline, run, key_text(key)) for key in keys],
    )


def find(connection: sqlite3.Connection, pipeline: str, run: int, keys: Sequence[Key]) -> Set[Key]:
    """Those of the keys that are noted."""
    by_text = {key_text(key): key for key in keys}
    texts = list(by_text)
    found: set[Key] = set()
    for start in range(0, len(texts), QUERY_KEYS_MAX):
        some = texts[start : start + QUERY_KEYS_MAX]
        places = ",".join("?" * len(some))
        rows = connection.execute(
            f"SELECT key FROM tombstones WHERE pipeline = ? AND run = ? AND key IN ({places})",  # noqa: S608 - places are question marks
            (pipeline, run, *some),
        )
        found.update(by_text[text] for (text,) in rows)
    return found


def list_after(
    connection: sqlite3.Connection, pipeline: str, run: int, after: Key | None, limit: int
) -> Sequence[Key]:
    """A page of the keys, in the order of their texts."""
    rows = connection.execute(
        "SELECT key FROM tombstones WHERE pipeline = ? AND run = ? AND key > ? ORDER BY key LIMIT ?",
        (pipeline, run, "" if after is None else key_text(after), limit),
    )
    return [key_from_text(text) for (text,) in rows]


def drop(connection: sqlite3.Connection, pipeline: str, run: int) -> None:
    """Forget those of this run and of older ones."""
    connection.execute("DELETE FROM tombstones WHERE pipeline = ? AND run <= ?", (pipeline, run))
