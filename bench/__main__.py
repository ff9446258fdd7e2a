"""`make bench`, or `python -m bench --help` for smaller and larger ones."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.backfill import measure_backfill
from bench.codec import measure_codec
from bench.delta import measure_delta
from bench.figures import Ratio
from bench.lag import measure_lag
from bench.memory import measure_memory
from bench.stage import SHAPES, Stage
from localcloud import LocalClouds

RESULTS = Path(__file__).with_name("results")
LAG_SECONDS = 15.0
_COLUMNS = ("", "bare/s", "service/s", "ratio", "bare µs CPU", "service µs CPU", "CPU ratio")
_MEBIBYTE = 2**20

console = Console(width=120)


def main() -> None:
    """Measure, print a table, and keep the figures as JSON."""
    parser = argparse.ArgumentParser(prog="make bench", description="Ratios of one run.")
    parser.add_argument("--items", type=int, default=20_000, help="items a run")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--memory", type=int, nargs="*", default=[20_000, 100_000], help="counts of items")
    parser.add_argument("--only", choices=["backfill", "delta", "lag", "memory"])
    options = parser.parse_args()
    logging.getLogger("azure").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="replicator-bench-") as directory:
        figures = asyncio.run(_measure(Path(directory), options))
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y%m%dT%H%M%S')}.json"
    path.write_text(json.dumps(figures, indent=2) + "\n")
    console.print(f"kept in {path}")


async def _measure(directory: Path, options: argparse.Namespace) -> dict[str, Any]:
    wanted = [options.only] if options.only else ["backfill", "delta", "lag", "memory"]
    async with LocalClouds(directory / "clouds", azurite=False) as clouds:
        stage = Stage(clouds.environment(), directory)
        ratios = await _measure_ratios(stage, options, wanted)
        figures: dict[str, Any] = {"ratios": [ratio.document() for ratio in ratios]}
        figures["codec_microseconds"] = measure_codec()
        for what, microseconds in figures["codec_microseconds"].items():
            console.print(f"codec, {what}: {microseconds:.1f} µs CPU an item")
        if "lag" in wanted:
            figures["lag"] = await _measure_lag(stage, ratios, options.items)
        if "memory" in wanted:
            figures["memory_bytes"] = await _measure_memory(stage, options.memory)
    return figures


async def _measure_ratios(stage: Stage, options: argparse.Namespace, wanted: list[str]) -> list[Ratio]:
    measures = {"backfill": measure_backfill, "delta": measure_delta}
    table, ratios = Table(*_COLUMNS), list[Ratio]()
    for name in [name for name in measures if name in wanted]:
        for shape in SHAPES:
            ratio = await measures[name](stage, shape, options.items, options.repetitions)
            console.print(" · ".join(ratio.row()), style="dim", highlight=False)
            table.add_row(*ratio.row())
            ratios.append(ratio)
    if ratios:
        console.print(table)
    return ratios


async def _measure_lag(stage: Stage, ratios: list[Ratio], items: int) -> dict[str, float]:
    deltas = [ratio for ratio in ratios if ratio.name.startswith("delta")]
    deltas = deltas or [await measure_delta(stage, SHAPES[0], items, 1)]
    rate = deltas[0].rate / 2
    lag = await measure_lag(stage, rate, LAG_SECONDS)
    console.print(f"lag: {lag:.2f} s in the median at {rate:,.0f} writes a second, half of the maximum")
    return {"writes_per_second": rate, "median_seconds": lag}


async def _measure_memory(stage: Stage, counts: list[int]) -> dict[str, int]:
    peaks = {}
    for items in counts:
        peak = await measure_memory(stage, items)
        console.print(f"memory: {peak / _MEBIBYTE:.0f} MiB at most, with {items:,} items")
        peaks[str(items)] = peak
    return peaks


if __name__ == "__main__":
    main()
