"""Changes and the batches in which a source delivers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from replicator.model.key import Key
from replicator.model.record import Record

Position = str
"""A place in a partition: opaque outside its connector, ordered only within its partition."""

Positions = Mapping[str, Position]
"""One position per partition."""


class Kind(Enum):
    """What a change does to its key."""

    UPSERT = "upsert"
    DELETE = "delete"
    DIRTY = "dirty"  # the key may have changed: look at its present state


class Change(NamedTuple):
    """One observed state change of one key, with the full record after it.

    ``committed_at`` is the source's commit time, in seconds since the epoch; its resolution is the
    source's (DynamoDB Streams: whole seconds). ``record`` is there exactly when ``kind`` is UPSERT. A
    message is an UPSERT whose key is its group, where it has one, and its id.
    """

    kind: Kind
    key: Key
    record: Record | None
    committed_at: float


class Row(NamedTuple):
    """One record as a scan or a read saw it; ``etag`` where the system has one."""

    key: Key
    record: Record
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one ``Source.read`` delivers: changes of one partition, in order, and what they prove.

    Attributes:
        partition: the partition that was read.
        changes: in the partition's order; may be empty, because an empty page can prove freshness.
        position: the place after the last change.
        read_to: an instant, in seconds since the epoch: everything committed to this partition
            before it has been delivered, in this batch or earlier. None where the page proves nothing.
        ended: the partition is closed and was read to its end with this batch.
        opened: partitions that exist from this batch on (the children of an ended one), each with
            the position at which its reading starts.
        forgotten: ended partitions whose positions need not be kept any longer.
        marks: marks proved read: everything that was committed before ``Marks.mark`` gave this name
            is in this or an earlier batch.
        size_bytes: about how large the changes are on the wire; what bounds the bytes in flight.
    """

    partition: str
    changes: Sequence[Change]
    position: Position
    read_to: float | None = None
    ended: bool = False
    opened: Mapping[str, Position] | None = None
    forgotten: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a scan of one piece; ``cursor`` is where the next page starts, None after the last."""

    rows: Sequence[Row]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is waiting at a source; a figure that the source cannot give is None."""

    changes: int | None
    oldest_seconds: float | None
