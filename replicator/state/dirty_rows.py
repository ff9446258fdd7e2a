"""Dirty rows in SQL; the changing functions run inside a transaction of the caller's."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from replicator.model.key import Key, key_from_text, key_text
from replicator.stores import DirtyRow, Noted, Oldest

_ADD = """
INSERT INTO dirty_rows VALUES (:pipeline, :key, :generation, :generation, :since)
ON CONFLICT (pipeline, key) DO UPDATE
SET generation = excluded.generation, since = min(since, excluded.since)
"""

_CLEAR = "DELETE FROM dirty_rows WHERE pipeline = :pipeline AND key = :key AND generation = :generation"

_RENEW = """
UPDATE dirty_rows SET since = max(since, :since), dirty_from = max(dirty_from, :generation + 1)
WHERE pipeline = :pipeline AND key = :key
"""


def add(connection: sqlite3.Connection, pipeline: str, keys: Sequence[tuple[Key, float]]) -> Noted:
    """Note the keys under new generations, in this order."""
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
    return Noted(len({key for key, _ in keys}) - before, newest)


def list_after(connection: sqlite3.Connection, pipeline: str, after: int, limit: int) -> Sequence[DirtyRow]:
    """A page of the rows in order of generation."""
    rows = connection.execute(
        "SELECT key, generation, since FROM dirty_rows WHERE pipeline = ? AND generation > ?"
        " ORDER BY generation LIMIT ?",
        (pipeline, after, limit),
    )
    return [DirtyRow(key_from_text(key), generation, since) for key, generation, since in rows]


def clear(connection: sqlite3.Connection, pipeline: str, rows: Sequence[DirtyRow]) -> int:
    """Forget the rows that have not been noted again, and renew the others; how many were forgotten."""
    bound = [
        {"pipeline": pipeline, "key": key_text(row.key), "generation": row.generation, "since": row.since}
        for row in rows
    ]
    cleared = connection.executemany(_CLEAR, bound).rowcount
    if cleared < len(bound):
        connection.executemany(_RENEW, bound)
    return cleared


def count(connection: sqlite3.Connection, pipeline: str) -> int:
    """How many rows the pipeline has."""
    (found,) = connection.execute(
        "SELECT count(*) FROM dirty_rows WHERE pipeline = ?", (pipeline,)
    ).fetchone()
    return int(found)


def oldest(connection: sqlite3.Connection, pipeline: str) -> Oldest | None:
    """The least time and the least generation since which one of its rows is dirty."""
    since, generation = connection.execute(
        "SELECT (SELECT min(since) FROM dirty_rows WHERE pipeline = :pipeline),"
        " (SELECT min(dirty_from) FROM dirty_rows WHERE pipeline = :pipeline)",
        {"pipeline": pipeline},
    ).fetchone()
    return None if since is None else Oldest(since, generation)


def _count_of(connection: sqlite3.Connection, pipeline: str, keys: Sequence[tuple[Key, float]]) -> int:
    """How many of the keys have a row."""
    return sum(
        connection.execute(
            "SELECT 1 FROM dirty_rows WHERE pipeline = ? AND key = ?", (pipeline, text)
        ).fetchone()
        is not None
        for text in {key_text(key) for key, _ in keys}
    )
