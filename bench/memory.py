"""Resident memory of the service against the number and the size of what it carries."""

from __future__ import annotations

from bench import buckets, queues
from bench.buckets import Buckets
from bench.queues import Kind, Queues
from bench.service import serving
from bench.stage import SHAPES, Stage, pipeline_of


async def measure_memory(stage: Stage, items: int) -> int:
    """The peak of a whole backfill, in bytes."""
    table, container = stage.create_table(), stage.create_container()
    await stage.load(table, SHAPES[0], items)
    async with serving(stage, table, pipeline_of(table, container)) as service:
        await service.entered("complete")
        peak = service.memory_peak_bytes
    stage.delete_container(container)
    return peak


async def measure_memory_of_objects(shelf: Buckets, objects: int, object_bytes: int) -> int:
    """The peak of a backfill and the list that proves it, in bytes."""
    bucket, container = await shelf.create_bucket(objects, object_bytes), shelf.create_container()
    pipeline = buckets.pipeline_of(bucket, container)
    async with serving(shelf.stage, f"{container}-memory", pipeline) as service:
        await service.entered("complete")
        peak = service.memory_peak_bytes
    shelf.delete_container(container)
    shelf.drop_bucket(bucket)
    return peak


async def measure_memory_of_messages(lines: Queues, kind: Kind, messages: int) -> int:
    """The peak while a full queue is moved, in bytes."""
    url, queue = await lines.create_full_source(kind, messages), await lines.create_sink(kind)
    pipeline = queues.pipeline_of(url, queue, kind)
    async with serving(lines.stage, f"{queue}-memory", pipeline) as service:
        run = await service.copied("move", messages, messages)
    lines.delete_source(url)
    await lines.bus.delete_queue(queue)
    return run.memory_peak_bytes
