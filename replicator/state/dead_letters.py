"""Dead letters in SQL; the changing functions run inside a transaction of the caller's."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from replicator.model.change import Kind
from replicator.model.key import Key, key_from_text, key_text
from replicator.model.record import record_from_json, record_to_json
from replicator.state.checkpoints import require
from replicator.stores import DeadLetter

_COLUMNS = "pipeline, key, kind, record, error_code, message, hint, committed_at, failed_at, state"


def add(connection: sqlite3.Connection, letters: Sequence[DeadLetter]) -> None:
    """Keep the letters; the index of open ones makes a newer letter take the older one's place.

    The newer one has an id of its own, so that settling the older one cannot settle it unseen.
    """
    connection.executemany(
        f"INSERT OR REPLACE INTO dead_letters ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
        [_row(letter) for letter in letters],
    )


def list_after(
    connection: sqlite3.Connection, pipeline: str | None, state: str | None, after: int, limit: int
) -> Sequence[DeadLetter]:
    """A page of letters in order of id, of one or all pipelines and states."""
    rows = connection.execute(
        f"SELECT id, {_COLUMNS} FROM dead_letters"  # noqa: S608 - a constant
        " WHERE id > :after AND (:pipeline IS NULL OR pipeline = :pipeline)"
        " AND (:state IS NULL OR state = :state) ORDER BY id LIMIT :limit",
        {"after": after, "pipeline": pipeline, "state": state, "limit": limit},
    )
    return [_letter(*row) for row in rows]


def get(connection: sqlite3.Connection, letter_id: int) -> DeadLetter | None:
    """The letter with this id."""
    found = list_after(connection, None, None, letter_id - 1, 1)
    return found[0] if found and found[0].id == letter_id else None


def count_open(connection: sqlite3.Connection, pipeline: str) -> int:
    """How many letters of the pipeline are open."""
    (count,) = connection.execute(
        "SELECT count(*) FROM dead_letters WHERE pipeline = ? AND state = 'open'", (pipeline,)
    ).fetchone()
    return int(count)


def newest(connection: sqlite3.Connection, pipeline: str, keys: Sequence[Key]) -> Sequence[DeadLetter]:
    """The newest letter of each of the keys that has any."""
    rows = (
        connection.execute(
            f"SELECT id, {_COLUMNS} FROM dead_letters"  # noqa: S608 - a constant
            " WHERE pipeline = ? AND key = ? ORDER BY id DESC LIMIT 1",
            (pipeline, key_text(key)),
        ).fetchone()
        for key in keys
    )
    return [_letter(*row) for row in rows if row is not None]


def settle(connection: sqlite3.Connection, letter_id: int, state: str, epoch: int | None) -> bool:
    """Move an open letter to the state; False where it is not open."""
    letter = get(connection, letter_id)
    if letter is None or letter.state != "open":
        return False
    require(connection, letter.pipeline, epoch)
    connection.execute("UPDATE dead_letters SET state = ? WHERE id = ?", (state, letter_id))
    return True


def _row(letter: DeadLetter) -> tuple[Any, ...]:
    return (
        letter.pipeline,
        key_text(letter.key),
        letter.kind.value,
        None if letter.record is None else record_to_json(letter.record),
        letter.error_code,
        letter.message,
        letter.hint,
        letter.committed_at,
        letter.failed_at,
        letter.state,
    )


def _letter(
    letter_id: int, pipeline: str, key: str, kind: str, record: bytes | None, *rest: Any
) -> DeadLetter:
    neutral = None if record is None else record_from_json(record)
    return DeadLetter(letter_id, pipeline, key_from_text(key), Kind(kind), neutral, *rest)
