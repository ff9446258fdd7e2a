"""Sequence numbers of stream records: how those of ministack become ours.

DynamoDB promises numeric strings of 21 to 40 digits that grow within a shard, not that all are as long.
Ours gain a digit two seconds after the stream's creation, so that a reader which compares them as text is
caught. The mapping depends on the stream's creation time alone and so survives a restart.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["Numbering", "created_milliseconds"]

# ministack numbers a record by the millisecond, times this, plus a counter.
_PER_MILLISECOND = 10**10
# Room between two records for the ends of shards, which are numbers of their own.
_GAP = 1000
_ONE_DIGIT_MORE = 10**21
_FIRST = _ONE_DIGIT_MORE - 2000 * _PER_MILLISECOND * _GAP


def created_milliseconds(stream_arn: str) -> int:
    """Return the creation time of a stream, which its ARN ends with, in milliseconds since the epoch."""
    label = datetime.fromisoformat(stream_arn.rpartition("/")[2])
    return round(label.replace(tzinfo=UTC).timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Numbering:
    """The numbers of one stream."""

    created_ms: int

    @property
    def first(self) -> int:
        """The number before which no record is."""
        return _FIRST

    def number(self, upstream: str) -> int:
        """Return our number of a record that ministack numbered `upstream`."""
        return _FIRST + (int(upstream) - self.created_ms * _PER_MILLISECOND) * _GAP

    def at(self, epoch_ms: float) -> int:
        """Return a number between the records made before a time and those made from it on."""
        return _FIRST + round(epoch_ms - self.created_ms) * _PER_MILLISECOND * _GAP

    def upstream(self, number: int) -> str:
        """Return ministack's number of the record that we number `number`."""
        return f"{(number - _FIRST) // _GAP + self.created_ms * _PER_MILLISECOND:030d}"
