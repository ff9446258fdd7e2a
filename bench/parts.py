"""The parts of `make bench`: each has clouds of its own, prints what it found, and returns it."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.table import Table

from bench import barrier
from bench.backfill import measure_backfill
from bench.buckets import Buckets
from bench.codec import measure_codec
from bench.delta import measure_delta
from bench.figures import Ratio
from bench.lag import measure_lag
from bench.memory import measure_memory, measure_memory_of_messages, measure_memory_of_objects
from bench.messages import measure_messages
from bench.objects import LARGE, SMALL, measure_objects
from bench.queues import KINDS, Queues
from bench.stage import SHAPES, Stage
from localcloud import LocalClouds

LAG_SECONDS = 15.0
_COLUMNS = ("", "bare/s", "service/s", "ratio", "bare µs CPU", "service µs CPU", "CPU ratio", "MiB at most")
_MEBIBYTE = 2**20
_MANY_LARGE = 40  # more than are copied at once

console = Console(width=130)


@dataclass(frozen=True)
class Bench:
    """What a part works with.

    Attributes:
        stage: the clouds; AWS behind the proxy that shapes streams.
        buckets: AWS without the proxy, which would only take processor time from what is compared.
        queues: likewise.
        options: as on the command line.
    """

    stage: Stage
    buckets: Buckets
    queues: Queues
    options: argparse.Namespace

    @classmethod
    def of(cls, clouds: LocalClouds, directory: Path, options: argparse.Namespace) -> Self:
        """The same in these clouds."""
        plain = Stage(clouds.environment() | {"AWS_ENDPOINT_URL": clouds.ministack_url}, directory)
        stage = Stage(clouds.environment(), directory)
        return cls(stage, Buckets(plain), Queues(plain, clouds.servicebus), options)


async def _measure_items(bench: Bench) -> object:
    options, ratios = bench.options, list[Ratio]()
    for measure in (measure_backfill, measure_delta):
        for shape in SHAPES:
            ratios.append(await measure(bench.stage, shape, options.items, options.repetitions))
            _tell_early(ratios[-1:])
    _tell(ratios)
    codec = measure_codec()
    for what, microseconds in codec.items():
        console.print(f"codec, {what}: {microseconds:.1f} µs CPU an item")
    rate = ratios[2].rate / 2
    lag = await measure_lag(bench.stage, rate, LAG_SECONDS)
    console.print(f"lag: {lag:.2f} s in the median at {rate:,.0f} writes a second, half of the maximum")
    return {
        "ratios": [ratio.document() for ratio in ratios],
        "codec_microseconds": codec,
        "lag": {"writes_per_second": rate, "median_seconds": lag},
    }


async def _measure_objects(bench: Bench) -> object:
    small, large = SMALL.of(bench.options.objects), LARGE
    ratios = await measure_objects(bench.buckets, small, bench.options.repetitions)
    _tell_early(ratios)
    ratios += await measure_objects(bench.buckets, large, bench.options.repetitions)
    return _tell(ratios)


async def _measure_messages(bench: Bench) -> object:
    options, ratios = bench.options, list[Ratio]()
    for kind in KINDS:
        ratios += await measure_messages(bench.queues, kind, options.messages, options.repetitions)
    return _tell(ratios)


async def _measure_barriers(bench: Bench) -> object:
    told: dict[str, dict[str, float]] = {}
    for measure in (
        lambda: barrier.measure_item_barriers(bench.stage),
        lambda: barrier.measure_object_barriers(bench.buckets),
        lambda: barrier.measure_message_barriers(bench.queues),
    ):
        found = await measure()
        told |= found
        for name, seconds in found.items():
            p50, p99 = seconds["p50_seconds"], seconds["p99_seconds"]
            console.print(f"barrier, {name}: p50 {p50:.3f} s, p99 {p99:.3f} s")
    return told


async def _measure_memory(bench: Bench) -> object:
    told = {
        f"{items:,} items": _tell_memory(f"{items:,} items", await measure_memory(bench.stage, items))
        for items in bench.options.memory
    }
    large = f"{_MANY_LARGE} objects of 64 MB"
    peak = await measure_memory_of_objects(bench.buckets, _MANY_LARGE, LARGE.object_bytes)
    return told | {large: _tell_memory(large, peak)}


async def _measure_extremes(bench: Bench) -> object:
    objects, messages = measure_memory_of_objects, measure_memory_of_messages
    cases: Mapping[str, Callable[[], Awaitable[int]]] = {
        "an object of 1 GB": lambda: objects(bench.buckets, 1, 1024 * _MEBIBYTE),
        "100,000 objects of 1 KB": lambda: objects(bench.buckets, 100_000, 1024),
        "50,000 messages": lambda: measure_memory_of_messages(bench.queues, KINDS[0], 50_000),
        "50,000 messages in groups": lambda: messages(bench.queues, KINDS[1], 50_000),
    }
    return {name: _tell_memory(name, await measure()) for name, measure in cases.items()}


def _tell_memory(name: str, peak: int) -> int:
    console.print(f"memory: {peak / _MEBIBYTE:.0f} MiB at most, with {name}")
    return peak


def _tell_early(ratios: Iterable[Ratio]) -> None:
    for ratio in ratios:
        console.print(" · ".join(ratio.row()), style="dim", highlight=False)


def _tell(ratios: Iterable[Ratio]) -> list[dict[str, Any]]:
    table = Table(*_COLUMNS)
    for ratio in ratios:
        table.add_row(*ratio.row())
    console.print(table)
    return [ratio.document() for ratio in ratios]


PARTS: Mapping[str, Callable[[Bench], Awaitable[object]]] = {
    "items": _measure_items,
    "objects": _measure_objects,
    "messages": _measure_messages,
    "barriers": _measure_barriers,
    "memory": _measure_memory,
    "extremes": _measure_extremes,
}

USUAL = [name for name in PARTS if name != "extremes"]
"""What is measured unless told; the extremes take many minutes."""
