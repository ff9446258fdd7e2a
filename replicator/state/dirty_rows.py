"""Dirty rows in SQL; the changing functions run inside a transaction of the caller's."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from replicator.model.key import Key, key_from_text, key_text
from replicator.stores import DirtyRow

_ADD = """
INSERT INTO dirty_rows VALUES (:pipeline, :key, :generation, :since)
ON CONFLICT (pipeline, key) DO UPDATE SET generation = excluded.generation, since = min(since, excluded.since)
"""


def add(connection: sqlite3.Connection, pipeline: str, keys: Sequence[tuple[Key, float]]) -> int:
    """Note the keys under new generations, in this order; how many were not noted before."""
    (newest,) = connection.execute(
        "UPDATE generations SET newest = newest + ? RETURNING newest", (len(keys),)
    ).fetchone()
    before = _count_of(connection, pipeline, keys)
    connection.executemany(
        _ADD,
        [
            {"pipeline": pipeline, "key": key_text(key), "generation": generation, "since": since}
            for generation, (key, since) in enumerate(keys, newest - len(keys) + 1)
        ],
    )
    return len({key for key, _ in keys}) - before


def list_after(connection: sqlite3.Connection, pipeline: str, after: int, limit: int) -> Sequence[DirtyRow]:
    """A page of the rows in order of generation."""
    rows = connection.execute(
        "SELECT key, generation, since FROM dirty_rows WHERE pipeline = ? AND generation > ?"
        " ORDER BY generation LIMIT ?",
        (pipeline, after, limit),
    )
    return [DirtyRow(key_from_text(key), generation, since) for key, generation, since in rows]


def clear(connection: sqlite3.Connection, pipeline: str, rows: Sequence[DirtyRow]) -> int:
    """Forget the rows that have not been noted again; how many."""
    return connection.executemany(
        "DELETE FROM dirty_rows WHERE pipeline = ? AND key = ? AND generation = ?",
        [(pipeline, key_text(row.key), row.generation) for row in rows],
    ).rowcount


def count(connection: sqlite3.Connection, pipeline: str) -> int:
    """How many rows the pipeline has."""
    (found,) = connection.execute(
        "SELECT count(*) FROM dirty_rows WHERE pipeline = ?", (pipeline,)
    ).fetchone()
    return int(found)


def oldest(connection: sqlite3.Connection, pipeline: str) -> float | None:
    """The least time since when one of its rows is dirty."""
    (since,) = connection.execute(
        "SELECT min(since) FROM dirty_rows WHERE pipeline = ?", (pipeline,)
    ).fetchone()
    return None if since is None else float(since)


def _count_of(connection: sqlite3.Connection, pipeline: str, keys: Sequence[tuple[Key, float]]) -> int:
    """How many of the keys have a row."""
    return sum(
        connection.execute(
            "SELECT 1 FROM dirty_rows WHERE pipeline = ? AND key = ?", (pipeline, text)
        ).fetchone()
        is not None
        for text in {key_text(key) for key, _ in keys}
    )
