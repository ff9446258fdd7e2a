"""Delta against the bare loop: changes that wait in the stream, until all of them are durable."""

from __future__ import annotations

from bench.figures import Ratio, run_bare
from bench.service import serving
from bench.stage import Shape, Stage, pipeline_of


async def measure_delta(stage: Stage, shape: Shape, items: int, repetitions: int) -> Ratio:
    """Each time a new table, which the service sees empty; it is stopped, and finds the changes later."""
    bare, service = [], []
    for _ in range(repetitions):
        table, container = stage.create_table(), stage.create_container()
        async with serving(stage, table, pipeline_of(table, container)) as running:
            await running.entered("complete")
        await stage.load(table, shape, items)
        beside = stage.create_container()
        bare.append(await run_bare(stage, "delta", table, beside, items))
        async with serving(stage, table, pipeline_of(table, container)) as running:
            service.append(await running.written("apply", items))
        for name in (container, beside):
            stage.delete_container(name)
    return Ratio(f"delta, {shape.name}", bare, service)
