"""Resident memory of the service against the number of items."""

from __future__ import annotations

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
