"""Backfill against the bare loop: from the first rows written to the last one."""

from __future__ import annotations

from bench.figures import Ratio, Run, run_bare
from bench.service import serving
from bench.stage import Shape, Stage, pipeline_of


async def measure_backfill(stage: Stage, shape: Shape, items: int, repetitions: int) -> Ratio:
    """Both take turns at the same table, each time into an empty container."""
    table = stage.create_table()
    await stage.load(table, shape, items)
    bare, service = [], []
    for repetition in range(repetitions):
        container = stage.create_container()
        bare.append(await run_bare(stage, "backfill", table, container, items))
        stage.delete_container(container)
        container = stage.create_container()
        service.append(await _run_service(stage, f"{table}-{repetition}", table, container, items))
        stage.delete_container(container)
    return Ratio(f"backfill, {shape.name}", bare, service)


async def _run_service(stage: Stage, state: str, table: str, container: str, items: int) -> Run:
    async with serving(stage, state, pipeline_of(table, container)) as service:
        return await service.written("insert", items)
