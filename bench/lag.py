"""The delta's lag at half of its maximum rate, seen by an independent reader of the container."""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import Any

from azure.cosmos.aio import CosmosClient

from bench.service import serving
from bench.stage import BATCH_ITEMS_MAX, DATABASE, SHAPES, Stage, item_of, pipeline_of

_POLL_SECONDS = 0.02


async def measure_lag(stage: Stage, rate: float, seconds: float) -> float:
    """Median seconds from a write at the source to its sight at the sink, at so many writes a second."""
    table, container = stage.create_table(), stage.create_container()
    writes = int(rate * seconds)
    async with serving(stage, table, pipeline_of(table, container)) as service:
        await service.entered("complete")
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(_read(stage, container, writes))
            await _write(stage, table, rate, writes)
    stage.delete_container(container)
    return median(reading.result())


async def _write(stage: Stage, table: str, rate: float, writes: int) -> None:
    due = time.monotonic()
    for start in range(0, writes, BATCH_ITEMS_MAX):
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        numbers = range(start, min(start + BATCH_ITEMS_MAX, writes))
        items = [item_of(number, SHAPES[0], at=time.time()) for number in numbers]
        await asyncio.to_thread(stage.put, table, items)
        due += len(items) / rate


async def _read(stage: Stage, container: str, writes: int) -> list[float]:
    """The lag of every write, by the container's change feed."""
    lags: list[float] = []
    async with CosmosClient(
        stage.environment["COSMOS_ENDPOINT"], stage.environment["COSMOS_KEY"]
    ) as client:
        proxy = client.get_database_client(DATABASE).get_container_client(container)
        continuation: dict[str, Any] = {"start_time": "Beginning"}
        while len(lags) < writes:
            pages = proxy.query_items_change_feed(max_item_count=1000, **continuation).by_page()
            async for page in pages:
                seen_at = time.time()
                lags += [seen_at - float(document["written_at"]) async for document in page]
            continuation = {"continuation": proxy.client_connection.last_response_headers["etag"]}
            await asyncio.sleep(_POLL_SECONDS)
    return lags
