"""Neutral form <-> the system's form. Pure.

The system keeps documents as JSON bytes, so that nothing it holds can be changed from outside, and
knows a place in a shard by the number of entries before it.
"""

from __future__ import annotations

from typing import NamedTuple

from connectors.memory.table import Entry
from replicator.model.change import Change, Kind, Position
from replicator.model.record import Record, record_from_json, record_to_json

_ENDED = ".end"


class Place(NamedTuple):
    """A position taken apart: entries read so far, and whether that was the end of a closed shard."""

    read: int
    ended: bool = False


def position_of(place: Place) -> Position:
    """The text of a place."""
    return f"{place.read}{_ENDED if place.ended else ''}"


def place_of(position: Position) -> Place:
    """The place that this text stands for.

    Raises:
        ValueError: the text is not a position of this connector.
    """
    return Place(int(position.removesuffix(_ENDED)), position.endswith(_ENDED))


def document_of(record: Record) -> bytes:
    """The record as the system stores it."""
    return record_to_json(record)


def record_of(document: bytes) -> Record:
    """The record that the system stores as this document."""
    return record_from_json(document)


def change_of(entry: Entry) -> Change | None:
    """The change that an entry of the log tells; None for a mark."""
    if entry.key is None:
        return None
    if entry.document is None:
        return Change(Kind.DELETE, entry.key, None, entry.committed_at)
    return Change(Kind.UPSERT, entry.key, record_of(entry.document), entry.committed_at)
