"""The audit journal in SQL; lines are appended and never changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import orjson

from replicator.stores import JournalEntry


def append(connection: sqlite3.Connection, entry: JournalEntry) -> None:
    """Append one line, inside a transaction of the caller's."""
    connection.execute(
        "INSERT INTO journal (at, actor, action, pipeline, detail) VALUES (?, ?, ?, ?, ?)",
        (entry.at, entry.actor, entry.action, entry.pipeline, orjson.dumps(dict(entry.detail)).decode()),
    )


def newest(connection: sqlite3.Connection, limit: int) -> Sequence[JournalEntry]:
    """The newest lines, oldest first."""
    rows = connection.execute(
        "SELECT at, actor, action, pipeline, detail FROM journal ORDER BY id DESC LIMIT ?", (limit,)
    ).fetchall()
    return [
        JournalEntry(at, actor, action, pipeline, orjson.loads(detail))
        for at, actor, action, pipeline, detail in reversed(rows)
    ]
