"""The bare loop: the same SDK calls as a copy needs, as many at a time as helps, and nothing else.

``python -m bench.bare backfill|delta TABLE CONTAINER ITEMS`` prints one JSON object. No checkpoints, no
order, no retries, no codec: an item goes into a document as it came. It is what the service is measured by.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from typing import Any

import aiohttp
from aiobotocore.session import get_session
from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos.aio import ContainerProxy, CosmosClient

from bench.stage import DATABASE

SEGMENTS = 4
WRITERS = 32
BATCH_MAX = 100


class Target:
    """Writes documents, those of one partition key in transactional batches."""

    def __init__(self, container: ContainerProxy, verb: str) -> None:
        self._container, self._verb = container, verb
        self._room = asyncio.Semaphore(WRITERS)
        self.written = 0

    async def write(self, items: Iterable[dict[str, Any]]) -> None:
        """Write items, and return when all are written."""
        groups = defaultdict(list)
        for item in items:
            document = {"id": item["sk"]["S"], "pk": item["pk"]["S"], "item": item}
            groups[document["pk"]].append(document)
        async with asyncio.TaskGroup() as tasks:
            for pk, documents in groups.items():
                for start in range(0, len(documents), BATCH_MAX):
                    await self._room.acquire()
                    tasks.create_task(self._write(pk, documents[start : start + BATCH_MAX]))

    async def _write(self, pk: str, documents: list[dict[str, Any]]) -> None:
        try:
            if len(documents) > 1:
                operations = [(self._verb, (document,)) for document in documents]
                await self._container.execute_item_batch(operations, pk)
            elif self._verb == "create":
                await self._container.create_item(documents[0])
            else:
                await self._container.upsert_item(documents[0])
            self.written += len(documents)
        finally:
            self._room.release()


async def backfill(aws: Any, table: str, target: Target, _items: int) -> None:
    """A parallel, strongly consistent scan; each page is written while the next is read."""

    async def copy(segment: int) -> None:
        async with asyncio.TaskGroup() as writing:
            async for items in _scan(aws, table, segment):
                writing.create_task(target.write(items))

    await asyncio.gather(*map(copy, range(SEGMENTS)))


async def _scan(aws: Any, table: str, segment: int) -> AsyncIterator[list[dict[str, Any]]]:
    after: dict[str, Any] = {}
    while True:
        page = await aws["dynamodb"].scan(
            TableName=table, ConsistentRead=True, Segment=segment, TotalSegments=SEGMENTS, **after
        )
        yield page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        after = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


async def delta(aws: Any, table: str, target: Target, items: int) -> None:
    """Every shard from its oldest record, until so many items are written."""
    streams = aws["dynamodbstreams"]
    described = await aws["dynamodb"].describe_table(TableName=table)
    arn = described["Table"]["LatestStreamArn"]
    stream = await streams.describe_stream(StreamArn=arn)

    async def copy(shard: str) -> None:
        answer = await streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )
        iterator = answer["ShardIterator"]
        async with asyncio.TaskGroup() as writing:
            while target.written < items:
                page = await streams.get_records(ShardIterator=iterator, Limit=1000)
                iterator = page["NextShardIterator"]
                writing.create_task(
                    target.write([record["dynamodb"]["NewImage"] for record in page["Records"]])
                )
                await asyncio.sleep(0 if page["Records"] else 0.05)

    await asyncio.gather(*(copy(shard["ShardId"]) for shard in stream["StreamDescription"]["Shards"]))


async def _run(what: str, table: str, container: str, items: int) -> dict[str, float]:
    session = get_session()
    async with (
        session.create_client("dynamodb") as dynamodb,
        session.create_client("dynamodbstreams") as streams,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=WRITERS)) as connections,
        CosmosClient(
            os.environ["COSMOS_ENDPOINT"],
            os.environ["COSMOS_KEY"],
            transport=AioHttpTransport(session=connections, session_owner=False),
            no_response_on_write=True,
            enable_compact_utf8_item_writes=True,
        ) as account,
    ):
        proxy = account.get_database_client(DATABASE).get_container_client(container)
        await proxy.read()
        target = Target(proxy, "create" if what == "backfill" else "upsert")
        aws = {"dynamodb": dynamodb, "dynamodbstreams": streams}
        began, cpu = time.perf_counter(), time.process_time()
        await (backfill if what == "backfill" else delta)(aws, table, target, items)
        return {
            "items": target.written,
            "seconds": time.perf_counter() - began,
            "cpu_seconds": time.process_time() - cpu,
        }


if __name__ == "__main__":
    what, table, container, count = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(_run(what, table, container, int(count)))) + "\n")
