"""What the contract checks say when a promise is broken, and the records they use."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from replicator.connector import Scans
from replicator.model.change import Change, Kind, Row
from replicator.model.key import Key
from replicator.model.record import Item, Record, digest, require_item
from replicator.model.values import Value

GROUP = "contract-group"
NUMBER = "v"


def expect(actual: object, expected: object, promise: str) -> None:
    """Raise AssertionError, with the promise, unless the two are equal."""
    if actual != expected:
        raise AssertionError(f"{promise}: expected {expected!r}, found {actual!r}")


def expect_that(held: object, promise: str) -> None:
    """Raise AssertionError, with the promise, unless it held."""
    if not held:
        raise AssertionError(promise)


def key_of(number: int, group: str = GROUP) -> Key:
    """A key of a group."""
    return (group, f"key-{number:03d}")


def attributes_of(key: Key, number: int) -> dict[str, Value]:
    """Attributes whose ``v`` is the number; the key is in ``pk`` and ``sk``."""
    return {"pk": {"S": str(key[0])}, "sk": {"S": str(key[1])}, NUMBER: {"N": str(number)}}


def upsert(key: Key, number: int) -> Change:
    """A change that writes a record with this number."""
    return Change(Kind.UPSERT, key, Item(attributes_of(key, number)), 0.0)


def delete(key: Key) -> Change:
    """A change that deletes a key."""
    return Change(Kind.DELETE, key, None, 0.0)


def number_of(record: Record | None) -> int | None:
    """The number of a record; None for a record that is not there."""
    return None if record is None else int(require_item(record).attributes[NUMBER]["N"])


def numbers_of(rows: Mapping[Key, Row]) -> dict[Key, int | None]:
    """The number of each row's record."""
    return {key: number_of(row.record) for key, row in rows.items()}


def same(one: Record, other: Record) -> bool:
    """Whether two records mean the same."""
    return digest(one) == digest(other)


async def scan_piece(system: Scans, piece: str, cursor: str | None = None) -> list[Row]:
    """The rows of a piece from a cursor on."""
    rows: list[Row] = []
    while True:
        page = await system.scan(piece, cursor)
        rows.extend(page.rows)
        cursor = page.cursor
        if cursor is None:
            return rows


async def check_pieces(system: Scans, expected: Mapping[Key, int]) -> None:
    """The pieces cover every key once, and a scan resumed from any cursor gives what came after it."""
    found = await check_coverage(system, expected)
    expect(numbers_of(found), dict(expected), "a scan gives whole records")


async def check_coverage(system: Scans, expected: Collection[Key]) -> dict[Key, Row]:
    """What ``check_pieces`` says, of any shape of records; returns the rows."""
    found: list[Row] = []
    for piece in await system.pieces():
        rows = await scan_piece(system, piece)
        await _check_resuming(system, piece, [row.key for row in rows])
        found.extend(rows)
    expect(sorted(row.key for row in found), sorted(expected), "the pieces cover every key exactly once")
    return {row.key: row for row in found}


async def _check_resuming(system: Scans, piece: str, keys: list[Key]) -> None:
    cursor: str | None = None
    read = 0
    while True:
        page = await system.scan(piece, cursor)
        read, cursor = read + len(page.rows), page.cursor
        if cursor is None:
            return
        expect_that(cursor, "a cursor is never empty")
        rest = [row.key for row in await scan_piece(system, piece, cursor)]
        expect(sorted(rest), sorted(keys[read:]), "a scan resumed from a cursor gives exactly the rest")
