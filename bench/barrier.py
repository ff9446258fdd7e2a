"""Barriers: from the moment when a write at the source is acknowledged to the return of the call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from statistics import quantiles

from bench import buckets, queues, stage
from bench.buckets import Buckets
from bench.queues import KINDS, Queues
from bench.service import Service, serving
from bench.stage import SHAPES, Stage, item_of

BARRIERS = 25
"""Of each kind, one after the other; so few that the 99th percentile is close to the longest."""

Quantiles = dict[str, float]


async def measure_item_barriers(clouds: Stage) -> dict[str, Quantiles]:
    """By mark, and by key."""
    table, container = clouds.create_table(), clouds.create_container()
    async with serving(clouds, f"{table}-barrier", stage.pipeline_of(table, container)) as service:
        await service.entered("complete")

        def write(number: int) -> str:
            item = item_of(number, SHAPES[0])
            clouds.put(table, [item])
            return f'["s:{item["pk"]["S"]}", "s:{item["sk"]["S"]}"]'

        told = {
            "items by mark": await _measure(service, write, by_key=False),
            "items by key": await _measure(service, write, by_key=True),
        }
    clouds.delete_container(container)
    return told


async def measure_object_barriers(shelf: Buckets) -> dict[str, Quantiles]:
    """By a list of a thousand objects, and by key."""
    bucket, container = await shelf.create_bucket(1000, 4096), shelf.create_container()
    pipeline = buckets.pipeline_of(bucket, container, markers=True)
    async with serving(shelf.stage, f"{container}-barrier", pipeline) as service:
        await service.entered("complete")

        def write(number: int) -> str:
            shelf.put(bucket, buckets.key_of(number), buckets.body_of(number + 1, 4096))
            return buckets.key_of(number)

        told = {
            "objects by list": await _measure(service, write, by_key=False),
            "objects by key": await _measure(service, write, by_key=True),
        }
    shelf.delete_container(container)
    shelf.drop_bucket(bucket)
    return told


async def measure_message_barriers(lines: Queues) -> dict[str, Quantiles]:
    """By mark; a message cannot be read by its key."""
    url, queue = lines.create_source(KINDS[0]), await lines.create_sink(KINDS[0])
    pipeline = queues.pipeline_of(url, queue, KINDS[0], markers=True)
    async with serving(lines.stage, f"{queue}-barrier", pipeline) as service:
        await service.running()

        def write(number: int) -> str:
            lines.send(url, KINDS[0], number, 1)
            return ""

        told = {"messages by mark": await _measure(service, write, by_key=False)}
    lines.delete_source(url)
    await lines.bus.delete_queue(queue)
    return told


async def _measure(service: Service, write: Callable[[int], str], *, by_key: bool) -> Quantiles:
    seconds = []
    for number in range(BARRIERS):
        key = await asyncio.to_thread(write, number)
        began = time.perf_counter()
        await service.barrier([key] if by_key else [])
        seconds.append(time.perf_counter() - began)
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {"p50_seconds": cuts[49], "p99_seconds": cuts[98]}
