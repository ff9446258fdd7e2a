"""DescribeStream, GetShardIterator and GetRecords over the shards of our lineages."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

import orjson

from localcloud.aws.clock import Clock
from localcloud.aws.errors import AwsError, resource_not_found, validation
from localcloud.aws.feed import Feed
from localcloud.aws.feeds import Feeds
from localcloud.aws.iterators import LIFETIME_SECONDS, ShardIterator
from localcloud.aws.lineage import Shard
from localcloud.aws.messages import Call, Reply, reply_json
from localcloud.aws.upstream import Upstream

__all__ = ["Streams"]

_SHARDS_MAX = 100
_RECORDS_MAX = 1000


@dataclass
class Streams:
    """Answers the calls of DynamoDB Streams.

    `reads_per_second` bounds GetRecords per shard (DynamoDB: 5); None means no bound. Iterators issued
    before `iterators_valid_from` count as expired.
    """

    upstream: Upstream
    feeds: Feeds
    clock: Clock
    reads_per_second: int | None = None
    iterators_valid_from: float = 0.0
    _reads: defaultdict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    async def answer(self, call: Call) -> Reply:
        """Answer a call.

        Raises:
            AwsError: the refusal to send.
            UpstreamLostError: ministack is away.
        """
        request = orjson.loads(call.body or b"{}")
        if call.operation == "DescribeStream":
            return await self._describe(call, request)
        if call.operation == "GetShardIterator":
            return await self._iterate(request)
        if call.operation == "GetRecords":
            return await self._records(request)
        return await self.upstream.exchange(call)

    async def _describe(self, call: Call, request: dict[str, Any]) -> Reply:
        document = (await self.upstream.exchange(call)).json()
        description = document["StreamDescription"]
        feed = await self.feeds.get(description["StreamArn"])
        if description["StreamStatus"] == "DISABLED":
            await feed.read_now()
        shards = _selected(feed, request)
        limit = min(int(request.get("Limit", _SHARDS_MAX)), _SHARDS_MAX)
        description["Shards"] = [shard.describe() for shard in shards[:limit]]
        description.pop("LastEvaluatedShardId", None)
        if len(shards) > limit:
            description["LastEvaluatedShardId"] = shards[limit - 1].id
        return reply_json(orjson.dumps(document))

    async def _iterate(self, request: dict[str, Any]) -> Reply:
        feed = await self.feeds.get(str(request.get("StreamArn", "")))
        feed.trim_shelves()
        shard = next(
            (s for s in feed.lineage.visible(feed.horizon) if s.id == request.get("ShardId")), None
        )
        if shard is None:
            raise resource_not_found("Requested resource not found: Shard does not exist")
        after = await _start(feed, shard, request)
        token = ShardIterator(feed.arn, shard.id, after, self.clock.now()).encode()
        return reply_json(orjson.dumps({"ShardIterator": token}))

    async def _records(self, request: dict[str, Any]) -> Reply:
        limit = int(request.get("Limit", _RECORDS_MAX))
        if not 1 <= limit <= _RECORDS_MAX:
            raise validation(f"Value '{limit}' at 'limit' must be between 1 and {_RECORDS_MAX}")
        iterator = ShardIterator.decode(str(request.get("ShardIterator", "")))
        self._check_age(iterator)
        self._check_rate(iterator.shard_id)
        feed = await self.feeds.get(iterator.stream_arn)
        shard = feed.lineage.get(iterator.shard_id)
        await feed.read(shard.id, iterator.after, limit)
        feed.trim_shelves()
        if feed.shelves[shard.id].trimmed_to > iterator.after:
            raise _trimmed()
        return reply_json(self._page(feed, shard, iterator, limit))

    def _page(self, feed: Feed, shard: Shard, iterator: ShardIterator, limit: int) -> bytes:
        records: list[bytes] = []
        after, shelf = iterator.after, feed.shelves[shard.id]
        scripted = feed.empty_pages[shard.id] > 0
        if scripted:
            feed.empty_pages[shard.id] -= 1
        else:
            records, after = shelf.page(after, limit)
        closed = feed.lineage.get(shard.id).end is not None
        if closed and not scripted and not shelf.count_after(after):
            return b'{"Records":[%b]}' % b",".join(records)
        token = ShardIterator(feed.arn, shard.id, after, self.clock.now()).encode()
        return b'{"Records":[%b],"NextShardIterator":"%b"}' % (b",".join(records), token.encode())

    def _check_age(self, iterator: ShardIterator) -> None:
        age = self.clock.now() - iterator.issued_at
        if age > LIFETIME_SECONDS or iterator.issued_at < self.iterators_valid_from:
            raise AwsError("ExpiredIteratorException", "Iterator expired")

    def _check_rate(self, shard_id: str) -> None:
        if self.reads_per_second is None:
            return
        now, reads = self.clock.now(), self._reads[shard_id]
        while reads and reads[0] <= now - 1:
            reads.popleft()
        if len(reads) >= self.reads_per_second:
            raise AwsError("LimitExceededException", f"Rate exceeded for shard {shard_id}")
        reads.append(now)


def _selected(feed: Feed, request: dict[str, Any]) -> list[Shard]:
    chosen = request.get("ShardFilter") or {}
    after = str(request.get("ExclusiveStartShardId", ""))
    children_of = chosen.get("ShardId") if chosen.get("Type") == "CHILD_SHARDS" else None
    # Shard ids grow with time, so a page can go on after a shard that is forgotten by then.
    shards = [shard for shard in feed.lineage.visible(feed.horizon) if shard.id > after]
    return [s for s in shards if s.parent == children_of] if children_of else shards


async def _start(feed: Feed, shard: Shard, request: dict[str, Any]) -> int:
    kind, before_shard = request.get("ShardIteratorType"), shard.start - 1
    if kind == "TRIM_HORIZON":
        return max(before_shard, feed.horizon)
    if kind == "LATEST":
        await feed.read_now()
        _, last = feed.shelves[shard.id].page(before_shard, 2**31)
        return max(before_shard, last)
    if kind not in {"AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"}:
        raise validation(f"Value '{kind}' at 'shardIteratorType' is not one of the four")
    text = str(request.get("SequenceNumber", ""))
    if not (text.isdecimal() and 21 <= len(text) <= 40):
        raise validation(f"Invalid SequenceNumber '{text}'")
    number = int(text)
    if number < before_shard or (shard.end is not None and number > shard.end):
        raise validation(f"SequenceNumber {text} is not in the range of shard {shard.id}")
    if number <= feed.horizon:
        raise _trimmed()
    return number if kind == "AFTER_SEQUENCE_NUMBER" else number - 1


def _trimmed() -> AwsError:
    message = "The operation attempted to read past the oldest stream record in a shard"
    return AwsError("TrimmedDataAccessException", message)
