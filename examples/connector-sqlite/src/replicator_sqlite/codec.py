"""Neutral form <-> rows and statements of SQLite. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from replicator.model.change import Change, Kind, Row
from replicator.model.key import Key, key_from_text, key_text
from replicator.model.record import Record, record_from_json, record_to_json

from replicator_sqlite import errors

_UPSERT = """
INSERT INTO records (key, record) VALUES (?, ?)
ON CONFLICT (key) DO UPDATE SET record = excluded.record, etag = excluded.etag
"""
_INSERT = "INSERT INTO records (key, record) VALUES (?, ?) ON CONFLICT (key) DO NOTHING"
_DELETE = "DELETE FROM records WHERE key = ?"
_REPLACE_IF = "UPDATE records SET record = ?, etag = hex(randomblob(16)) WHERE key = ? AND etag = ?"
_DELETE_IF = "DELETE FROM records WHERE key = ? AND etag = ?"
_OF_KEYS = "SELECT key, record, etag FROM records WHERE key IN (SELECT value FROM json_each(?))"
_AFTER_KEY = "SELECT key, record, etag FROM records WHERE key > ? ORDER BY key LIMIT ?"
_AFTER_NUMBER = """
SELECT number, key, record, mark, committed_at FROM changes WHERE number > ? ORDER BY number LIMIT ?
"""


class Statement(NamedTuple):
    """A statement of SQL and the values of its question marks."""

    sql: str
    values: tuple[Any, ...] = ()


class Entry(NamedTuple):
    """One entry of the log: an upsert, a delete (no record), or a mark (no key)."""

    number: int
    key: str | None
    record: str | None
    mark: str | None
    committed_at: float


def write(change: Change) -> Statement:
    """Make the row what the change says, whatever was there."""
    if change.record is None:
        return Statement(_DELETE, (key_text(change.key),))
    return Statement(_UPSERT, (key_text(change.key), _text(change.record)))


def create(change: Change) -> Statement:
    """Write the row only if there is none."""
    if change.record is None:
        raise ValueError("a delete creates nothing")
    return Statement(_INSERT, (key_text(change.key), _text(change.record)))


def replace(change: Change, etag: str) -> Statement:
    """Write or delete the row only if it has this ETag."""
    if change.record is None:
        return Statement(_DELETE_IF, (key_text(change.key), etag))
    return Statement(_REPLACE_IF, (_text(change.record), key_text(change.key), etag))


def rows_of(keys: Sequence[Key]) -> Statement:
    """The rows of these keys."""
    return Statement(_OF_KEYS, (json.dumps([key_text(key) for key in keys]),))


def rows_after(cursor: str | None, limit: int) -> Statement:
    """So many rows, in the order of their keys; a key's text is never empty."""
    return Statement(_AFTER_KEY, (cursor or "", limit))


def entries_after(number: int, limit: int) -> Statement:
    """So many entries of the log after this one."""
    return Statement(_AFTER_NUMBER, (number, limit))


def row(columns: Sequence[Any]) -> Row:
    """The row that was read."""
    key, record, etag = columns
    return Row(_key(key), _record(key, record), etag)


def change(entry: Entry) -> Change | None:
    """The change that an entry tells; None for a mark."""
    if entry.key is None:
        return None
    if entry.record is None:
        return Change(Kind.DELETE, _key(entry.key), None, entry.committed_at)
    return Change(Kind.UPSERT, _key(entry.key), _record(entry.key, entry.record), entry.committed_at)


def _text(record: Record) -> str:
    return record_to_json(record).decode()


def _key(text: str) -> Key:
    try:
        return key_from_text(text)
    except ValueError as error:
        raise errors.not_ours(text) from error


def _record(key: str, text: str) -> Record:
    try:
        return record_from_json(text)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise errors.not_ours(key) from error
