"""The shards of one stream: who follows whom, and which shard a record belongs to. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import pairwise

from localcloud.aws.errors import resource_not_found, validation

__all__ = ["HASHES", "Lineage", "Shard"]

HASHES = 2**32


@dataclass(frozen=True, slots=True)
class Shard:
    """A range of key hashes ``low <= hash < high`` over a range of numbers ``start <= number <= end``.

    An open shard has no `end`.
    """

    id: str
    parent: str | None
    low: int
    high: int
    start: int
    end: int | None = None

    def holds(self, key_hash: int, number: int) -> bool:
        """Tell whether a record belongs here."""
        within = self.end is None or number <= self.end
        return within and number >= self.start and self.low <= key_hash < self.high

    def describe(self) -> dict[str, object]:
        """Return the shard as DescribeStream shows it."""
        numbers = {"StartingSequenceNumber": str(self.start)}
        if self.end is not None:
            numbers["EndingSequenceNumber"] = str(self.end)
        shown: dict[str, object] = {"ShardId": self.id, "SequenceNumberRange": numbers}
        return shown | ({"ParentShardId": self.parent} if self.parent else {})


class Lineage:
    """All shards that a stream ever had, oldest first."""

    def __init__(self, stream_arn: str, created_ms: int) -> None:
        self._arn = stream_arn
        self._created_ms = created_ms
        self._shards: dict[str, Shard] = {}
        self._dropped: set[str] = set()

    def plant(self, count: int, start: int) -> None:
        """Begin with `count` shards (>= 1) that share the hashes evenly."""
        edges = [HASHES * i // count for i in range(count + 1)]
        for low, high in pairwise(edges):
            self._open(None, low, high, start)

    def place(self, key_hash: int, number: int) -> Shard:
        """Return the one shard that a record belongs to."""
        return next(s for s in reversed(self._shards.values()) if s.holds(key_hash, number))

    def split(self, shard_id: str, end: int) -> list[Shard]:
        """Close an open shard at `end` and open two children that halve its hashes."""
        shard = self._close(shard_id, end)
        middle = (shard.low + shard.high) // 2
        halves = ((shard.low, middle), (middle, shard.high))
        return [self._open(shard.id, low, high, end + 1) for low, high in halves]

    def roll_over(self, shard_id: str, end: int) -> list[Shard]:
        """Close an open shard at `end` and open one child for all its hashes."""
        shard = self._close(shard_id, end)
        return [self._open(shard.id, shard.low, shard.high, end + 1)]

    def finish(self, end: int) -> None:
        """Close every open shard without children: the stream was switched off."""
        for shard in self.open():
            self._close(shard.id, end)

    def drop(self, shard_id: str) -> None:
        """Forget a closed shard, as DynamoDB does when its records are too old."""
        if self.get(shard_id).end is None:
            raise validation(f"Shard {shard_id} is open")
        self._dropped.add(shard_id)

    def open(self) -> list[Shard]:
        """Return the shards that still take records."""
        return [s for s in self._shards.values() if s.end is None]

    def visible(self, horizon: int) -> Iterator[Shard]:
        """Yield the shards that are not forgotten and not wholly older than `horizon`."""
        for shard in self._shards.values():
            if shard.id not in self._dropped and (shard.end is None or shard.end > horizon):
                yield shard

    def get(self, shard_id: str) -> Shard:
        """Return a shard, whether visible or not.

        Raises:
            AwsError: ResourceNotFoundException where the stream never had it.
        """
        if shard_id not in self._shards:
            raise resource_not_found("Requested resource not found: Shard does not exist")
        return self._shards[shard_id]

    def _open(self, parent: str | None, low: int, high: int, start: int) -> Shard:
        ordinal = len(self._shards)
        tail = blake2b(f"{self._arn}{ordinal}".encode(), digest_size=4).hexdigest()
        shard = Shard(f"shardId-{self._created_ms + ordinal:020d}-{tail}", parent, low, high, start)
        self._shards[shard.id] = shard
        return shard

    def _close(self, shard_id: str, end: int) -> Shard:
        shard = self.get(shard_id)
        if shard.end is not None:
            raise validation(f"Shard {shard_id} is closed")
        closed = replace(shard, end=end)
        self._shards[shard_id] = closed
        return closed
