"""Positions in a stream shard. Pure.

A position names the stream it belongs to (its ARN is the epoch: a stream that was switched off and on
again is another one), a place in the shard, and a time up to which the shard was proved read. A sequence
number is kept as the text that the service gave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from replicator.model.change import Position

RETENTION_SECONDS = 24 * 3600.0
"""How long a stream keeps a record (DynamoDB developer guide, "Change data capture")."""

_ROUNDED_SECONDS = 600


class Where(Enum):
    """What kind of place it is."""

    OLDEST = "TRIM_HORIZON"  # nothing of the shard has been delivered yet
    AFTER = "AFTER"  # after a record
    END = "END"  # the shard is closed, and everything in it has been delivered
    NEWEST = "LATEST"  # in use only until a mark has been seen; never written down


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a shard.

    Attributes:
        where: the kind of place.
        since: seconds since the epoch: nothing that was committed before is still wanted from here on,
            because it was delivered or because a scan comes later.
        sequence: the last delivered record's number, for AFTER.
    """

    where: Where
    since: float
    sequence: str = ""

    def position(self, stream: str) -> Position:
        """The text that a checkpoint holds.

        The time is rounded down, so that a quiet shard does not change its position every second.
        """
        since = int(self.since // _ROUNDED_SECONDS * _ROUNDED_SECONDS)
        return f"{stream} {since} {self.where.value} {self.sequence}".rstrip()

    def iterator_arguments(self) -> Mapping[str, str]:
        """What GetShardIterator takes."""
        if self.where is Where.AFTER:
            return {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self.sequence}
        return {"ShardIteratorType": self.where.value}

    def is_forgotten(self, now: float) -> bool:
        """Whether the stream may have dropped records that lie after this place.

        TRIM_HORIZON never fails at the service: it starts silently at the oldest record that is left.
        Of AFTER the service itself says so.
        """
        return self.where is Where.OLDEST and now - self.since >= RETENTION_SECONDS

    def renewed(self, since: float) -> Place:
        """The same place, proved read up to a later time."""
        return replace(self, since=since)


def place_of(position: Position) -> tuple[str, Place]:
    """The stream's ARN and the place that a position names.

    Raises:
        ValueError: the text is not a position of ours.
    """
    stream, since, word, *sequence = position.split(" ", 3)
    return stream, Place(Where(word), float(since), *sequence)
