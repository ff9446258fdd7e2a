"""The calls to DynamoDB and DynamoDB Streams; the only file that knows the SDK.

Every call is made once: the engine repeats, and no answer is waited for longer than the bounds here.
The SDK's errors leave as ours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from connectors.aws.client import asked, new_config, new_session, open_api
from connectors.dynamodb import wire
from connectors.dynamodb.config import SourceSettings
from connectors.dynamodb.errors import translate
from replicator.model.errors import NotConnectedError
from replicator.model.values import Value

CONNECT_SECONDS_MAX = 3.0
ANSWER_SECONDS_MAX = 10.0
CONNECTIONS_MAX = 64

_DECODERS = dict.fromkeys(("ScanOutput", "BatchGetItemOutput", "GetRecordsOutput"), wire.decode)
_Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RecordsPage:
    """One answer of GetRecords; ``next_iterator`` is None once a closed shard is read to its end."""

    records: Sequence[Mapping[str, Any]]
    next_iterator: str | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ScanPage:
    """One answer of Scan; ``last_key`` is None after the last page of a segment."""

    items: Sequence[Mapping[str, Value]]
    last_key: Mapping[str, Value] | None
    units: float | None
    size_bytes: int


class Client:
    """One table's calls, over two connection pools that live from ``open`` to ``close``.

    Every call raises TransientError, PermanentError or PositionLostError as ``errors`` says, and
    NotConnectedError outside ``open`` and ``close``.
    """

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings
        self._stack: AsyncExitStack | None = None
        self._table_api: Any = None
        self._stream_api: Any = None

    async def open(self) -> None:
        """Make ready; nothing is sent yet. May be called again.

        Raises:
            PermanentError: no region, no such profile, or a bad endpoint.
        """
        if self._stack is not None:
            return
        session = new_session(self._settings.profile, _DECODERS)
        place = self._settings.region, self._settings.endpoint_url
        async with AsyncExitStack() as stack:
            table = open_api(session, "dynamodb", _CONFIG, *place)
            self._table_api = await stack.enter_async_context(table)
            stream = open_api(session, "dynamodbstreams", _CONFIG, *place)
            self._stream_api = await stack.enter_async_context(stream)
            self._stack = stack.pop_all()

    async def close(self) -> None:
        """Close every socket. May be called more than once."""
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.aclose()

    async def describe_table(self) -> _Answer:
        """The table's description."""
        answer = await self._ask("DescribeTable", self._table().describe_table(TableName=self._name))
        table: _Answer = answer["Table"]
        return table

    async def time_to_live_attribute(self) -> str | None:
        """The attribute that expires items, where one is enabled."""
        call = self._table().describe_time_to_live(TableName=self._name)
        described = (await self._ask("DescribeTimeToLive", call)).get("TimeToLiveDescription", {})
        enabled = described.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
        return described.get("AttributeName") if enabled else None

    async def describe_stream(self, arn: str) -> _Answer:
        """The stream's description with all its shards, of however many pages."""
        stream: _Answer = {}
        shards: list[_Answer] = []
        after: dict[str, str] = {}
        while True:
            call = self._streams().describe_stream(StreamArn=arn, **after)
            stream = (await self._ask("DescribeStream", call))["StreamDescription"]
            shards.extend(stream.get("Shards", ()))
            last = stream.get("LastEvaluatedShardId")
            if not last:
                return stream | {"Shards": shards}
            after = {"ExclusiveStartShardId": last}

    async def shard_iterator(self, arn: str, shard: str, place: Mapping[str, str]) -> str | None:
        """An iterator at a place: ``ShardIteratorType``, and ``SequenceNumber`` where it wants one."""
        call = self._streams().get_shard_iterator(StreamArn=arn, ShardId=shard, **place)
        answer = await self._ask("GetShardIterator", call)
        iterator: str | None = answer.get("ShardIterator")
        return iterator

    async def get_records(self, iterator: str, limit: int | None = None) -> RecordsPage:
        """The next page of a shard: at most 1 MB or 1,000 records; empty pages are normal."""
        bound = {} if limit is None else {"Limit": limit}
        answer = await self._ask("GetRecords", self._streams().get_records(ShardIterator=iterator, **bound))
        return RecordsPage(answer.get("Records", ()), answer.get("NextShardIterator"), answer[wire.SIZE])

    async def scan(
        self, segment: int, segments: int, start: Mapping[str, Value] | None, limit: int | None
    ) -> ScanPage:
        """The next page of a segment, strongly consistent: at most 1 MB, or ``limit`` items."""
        options: _Answer = {} if start is None else {"ExclusiveStartKey": start}
        if limit is not None:
            options["Limit"] = limit
        call = self._table().scan(
            TableName=self._name,
            Segment=segment,
            TotalSegments=segments,
            ConsistentRead=True,
            ReturnConsumedCapacity="TOTAL",
            **options,
        )
        answer = await self._ask("Scan", call)
        units = answer.get("ConsumedCapacity", {}).get("CapacityUnits")
        return ScanPage(answer["Items"], answer.get("LastEvaluatedKey"), units, answer[wire.SIZE])

    async def batch_get(self, keys: Sequence[Mapping[str, Value]]) -> tuple[list[_Answer], list[_Answer]]:
        """The items of at most 100 distinct keys, strongly consistent; and the keys left unprocessed."""
        request = {self._name: {"Keys": keys, "ConsistentRead": True}}
        answer = await self._ask("BatchGetItem", self._table().batch_get_item(RequestItems=request))
        items = [item for found in answer.get("Responses", {}).values() for item in found]
        left = [key for rest in answer.get("UnprocessedKeys", {}).values() for key in rest["Keys"]]
        return items, left

    async def put(self, item: Mapping[str, Value]) -> None:
        """Write one item whole."""
        await self._ask("PutItem", self._table().put_item(TableName=self._name, Item=item))

    async def try_put(self, item: Mapping[str, Value], key_name: str) -> None:
        """Do what a put needs to be allowed to, under a condition that never holds: nothing is written."""
        call = self._table().put_item(
            TableName=self._name,
            Item=item,
            ConditionExpression="attribute_exists(#key) AND attribute_not_exists(#key)",
            ExpressionAttributeNames={"#key": key_name},
        )
        await self._ask("PutItem", call, "ConditionalCheckFailedException")

    @property
    def _name(self) -> str:
        return self._settings.table

    def _table(self) -> Any:
        return self._connected(self._table_api)

    def _streams(self) -> Any:
        return self._connected(self._stream_api)

    def _connected(self, api: Any) -> Any:
        if self._stack is None:
            raise NotConnectedError("the DynamoDB client is closed")
        return api

    async def _ask(self, operation: str, call: Awaitable[_Answer], *expected: str) -> _Answer:
        answer: _Answer = await asked(operation, call, translate, expected=frozenset(expected))
        return answer


_CONFIG = new_config(CONNECT_SECONDS_MAX, ANSWER_SECONDS_MAX, CONNECTIONS_MAX)
