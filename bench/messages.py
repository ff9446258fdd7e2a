"""Moving messages against each stand-in's own ceiling; every run empties a queue of its own."""

from __future__ import annotations

from bench.figures import Ratio, Run, run_program
from bench.queues import Kind, Queues, pipeline_of
from bench.service import serving


async def measure_messages(queues: Queues, kind: Kind, messages: int, repetitions: int) -> list[Ratio]:
    """All take turns."""
    stage = queues.stage
    told = str(messages), "fifo" if kind.fifo else "standard"
    runs: dict[str, list[Run]] = {"receives": [], "sends": [], "service": []}
    for _ in range(repetitions):
        url = await queues.create_full_source(kind, messages)
        runs["receives"].append(await run_program(stage, "bench.bare_messages", "receive", url, *told))
        queues.delete_source(url)
        queue = await queues.create_sink(kind)
        runs["sends"].append(await run_program(stage, "bench.bare_messages", "send", queue, *told))
        await queues.bus.delete_queue(queue)
        runs["service"].append(await _serve(queues, kind, messages))
    return [Ratio(f"{kind.name}, {name}", runs[name], runs["service"]) for name in ("receives", "sends")]


async def _serve(queues: Queues, kind: Kind, messages: int) -> Run:
    url = await queues.create_full_source(kind, messages)
    queue = await queues.create_sink(kind)
    async with serving(queues.stage, queue, pipeline_of(url, queue, kind)) as service:
        run = await service.copied("move", messages, messages)
    queues.delete_source(url)
    await queues.bus.delete_queue(queue)
    return run
