"""One stream: read once from ministack, where it has one shard, and fanned out to shards of a lineage.

Everything that happens to a feed is an event: it is applied to the state here and kept in the journal, and
a restart applies the kept ones again.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import orjson

from localcloud.aws.clock import Clock
from localcloud.aws.errors import AwsError
from localcloud.aws.journal import Journal
from localcloud.aws.lineage import Lineage, Shard
from localcloud.aws.records import PAGE_BYTES_MAX, Shelf, hash_of, key_bytes, shape
from localcloud.aws.sequence import Numbering, created_milliseconds
from localcloud.aws.upstream import Upstream

__all__ = ["Feed", "scope_of"]

RETENTION_SECONDS = 24 * 60 * 60
"""DynamoDB keeps stream records for 24 hours (developer guide, "Change data capture")."""

_PAGE_RECORDS_MAX = 1000
_STREAMS = "DynamoDBStreams_20120810."
_UPSTREAM_SHARD = "shardId-00000000000000000000-00000000"
# A write that did not pass through the proxy is seen after this time all the same.
_UNREAD_SECONDS_MAX = 1.0


def scope_of(arn: str) -> tuple[str, str, str]:
    """Return account, region and table of the ARN of a stream or table."""
    _, _, _, region, account, resource = arn.split(":", 5)
    return account, region, resource.split("/")[1]


class Feed:
    """The records of one stream, on a shelf per shard.

    Args:
        arn: the stream.
        description: what ministack answers to DescribeStream.
        upstream: the way to ministack.
        clock: by which records age.
        journal: of this stream; its events are applied at once.
        shards: with how many a new stream begins.
        writes: returns a number that grows with every write that passed the proxy.
    """

    def __init__(
        self,
        arn: str,
        description: dict[str, Any],
        *,
        upstream: Upstream,
        clock: Clock,
        journal: Journal,
        shards: int,
        writes: Callable[[], int],
    ) -> None:
        self.arn = arn
        self._partition_key = str(description["KeySchema"][0]["AttributeName"])
        self._upstream, self._clock, self._journal, self._writes = upstream, clock, journal, writes
        self.numbering = Numbering(created_milliseconds(arn))
        self.lineage = Lineage(arn, self.numbering.created_ms)
        self.shelves: defaultdict[str, Shelf] = defaultdict(Shelf)
        self.expired_keys: set[bytes] = set()
        self.empty_pages: defaultdict[str, int] = defaultdict(int)
        self._trimmed_to = 0
        self._last_record = 0
        self._last_end = 0
        self._iterator: str | None = None
        self._generation = -1
        self._read_writes = -1
        self._read_at = 0.0
        self._reading = asyncio.Lock()
        for event in journal.events or [self._keep("plant", shards)]:
            self._apply(event)

    @property
    def horizon(self) -> int:
        """The number up to which records are gone: by a script, or older than the retention."""
        aged = self.numbering.at(int((self._clock.now() - RETENTION_SECONDS) * 1000))
        return max(self._trimmed_to, aged, 0)

    async def read(self, shard_id: str, after: int, limit: int) -> None:
        """Read from ministack until a shard has `limit` records after a number, or there are no more.

        Raises:
            AwsError: the stream is gone.
            UpstreamLostError: ministack is away.
        """
        wanted, shelf = self._writes(), self.shelves[shard_id]
        while self._is_behind(wanted) and shelf.count_after(after) < limit:
            await self._read_page(wanted)

    async def read_all(self) -> None:
        """Read everything that was written before the call; errors as for `read`."""
        wanted = self._writes()
        while self._is_behind(wanted):
            await self._read_page(wanted)

    async def split(self, shard_id: str) -> list[Shard]:
        """Close a shard and open two children."""
        await self.read_now()
        return self._close(shard_id, "split")

    async def roll_over(self, shard_id: str) -> list[Shard]:
        """Close a shard and open one child."""
        await self.read_now()
        return self._close(shard_id, "roll_over")

    async def trim(self, before: float | None) -> None:
        """Take away the records made before a time (seconds since the epoch), or all."""
        await self.read_now()
        number = self._now() if before is None else self.numbering.at(int(before * 1000))
        self._apply(self._keep("trim", number))

    async def drop_closed(self) -> list[str]:
        """Forget all closed shards with their records; return their ids."""
        await self.read_now()
        closed = [s.id for s in self.lineage.visible(self.horizon) if s.end is not None]
        for shard_id in closed:
            self._apply(self._keep("drop", shard_id))
        return closed

    async def read_now(self) -> None:
        """Read everything, also what was written past the proxy; errors as for `read`."""
        self._read_writes = -1
        await self.read_all()

    def trim_shelves(self) -> None:
        """Take the records behind the horizon off the shelves."""
        horizon = self.horizon
        for shelf in self.shelves.values():
            shelf.trim(horizon)

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    def _is_behind(self, writes: int) -> bool:
        if not self.lineage.open():
            return False
        waited = time.monotonic() - self._read_at
        return self._read_writes < writes or waited > _UNREAD_SECONDS_MAX

    async def _read_page(self, wanted: int) -> None:
        async with self._reading:
            if not self._is_behind(wanted):
                return
            writes = self._writes()
            records = await self._next_records()
            size = sum(self._take(record) for record in records)
            self._journal.flush()
            if self._iterator is None:
                # ministack has closed its own shard: the stream was switched off, and this was its end.
                self._apply(self._keep("finish", self._now()))
            # A page that is not full was the last one; to wait for an empty one might be to wait for ever.
            if len(records) < _PAGE_RECORDS_MAX and size < PAGE_BYTES_MAX // 4:
                self._read_writes, self._read_at = writes, time.monotonic()

    async def _next_records(self) -> list[dict[str, Any]]:
        resumed = self._iterator is None or self._generation != self._upstream.generation
        if resumed:
            self._generation = self._upstream.generation
            self._iterator = await self._resume()
        iterator, self._iterator = self._iterator, None
        try:
            page = await self._call("GetRecords", {"ShardIterator": iterator})
        except AwsError as error:
            if resumed or error.code != "ExpiredIteratorException":
                raise
            return await self._next_records()
        self._iterator = page.get("NextShardIterator")
        # After a resumption ministack may show again what is on the shelves.
        known = self._last_record if resumed else 0
        return [r for r in page["Records"] if self._number(r) > known]

    async def _resume(self) -> str:
        at: dict[str, str] = {"StreamArn": self.arn, "ShardId": _UPSTREAM_SHARD}
        oldest = at | {"ShardIteratorType": "TRIM_HORIZON"}
        last = {"SequenceNumber": self.numbering.upstream(self._last_record)}
        after = at | {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER"} | last
        try:
            answer = await self._call("GetShardIterator", after if self._last_record else oldest)
        except AwsError as error:
            if error.code != "TrimmedDataAccessException":
                raise
            answer = await self._call("GetShardIterator", oldest)
        return str(answer["ShardIterator"])

    async def _call(self, operation: str, document: dict[str, Any]) -> dict[str, Any]:
        account, region, _ = scope_of(self.arn)
        return await self._upstream.call(_STREAMS + operation, document, account, region)

    def _number(self, record: dict[str, Any]) -> int:
        return self.numbering.number(record["dynamodb"]["SequenceNumber"])

    def _take(self, record: dict[str, Any]) -> int:
        number, keys = self._number(record), record["dynamodb"]["Keys"]
        key = key_bytes(keys) if self.expired_keys and record["eventName"] == "REMOVE" else b""
        body = shape(record, number, by_service=key in self.expired_keys)
        self.expired_keys.discard(key)
        key_hash = hash_of(keys[self._partition_key])
        self._journal.append(b'["record","%d",%d,%b]' % (number, key_hash, body))
        self._put(number, key_hash, body)
        return len(body)

    def _close(self, shard_id: str, how: str) -> list[Shard]:
        self._apply(self._keep(how, shard_id, self._now()))
        return [s for s in self.lineage.open() if s.parent == shard_id]

    def _now(self) -> int:
        # Later than every record that was read, and earlier than every one that was not, so that no record
        # comes to a shard that is closed: two records are at least a thousand numbers apart.
        return max(self._last_record, self._last_end, self.numbering.first) + 1

    def _keep(self, *event: str | int) -> list[Any]:
        self._journal.append(orjson.dumps([str(p) if isinstance(p, int) else p for p in event]))
        self._journal.flush()
        return list(event)

    def _apply(self, event: list[Any]) -> None:
        kind, *arguments = event
        if kind == "record":
            self._put(int(arguments[0]), arguments[1], b"%b" % orjson.dumps(arguments[2]))
        elif kind == "plant":
            self.lineage.plant(int(arguments[0]), self.numbering.first)
        elif kind == "trim":
            self._trimmed_to = max(self._trimmed_to, int(arguments[0]))
        elif kind == "drop":
            self.shelves.pop(arguments[0], None)
            self.lineage.drop(arguments[0])
        elif kind == "finish":
            self.lineage.finish(int(arguments[0]))
        else:
            self._last_end = int(arguments[1])
            change = self.lineage.split if kind == "split" else self.lineage.roll_over
            change(arguments[0], self._last_end)

    def _put(self, number: int, key_hash: int, body: bytes) -> None:
        self.shelves[self.lineage.place(key_hash, number).id].put(number, body)
        self._last_record = max(self._last_record, number)
