"""`make bench`, or `python -m bench --help` for smaller and larger ones."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import tempfile
import time
from pathlib import Path

from bench.parts import PARTS, USUAL, Bench
from localcloud import LocalClouds

RESULTS = Path(__file__).with_name("results")


def main() -> None:
    """Measure, print tables, and keep the figures as JSON."""
    parser = argparse.ArgumentParser(prog="make bench", description="Ratios of one run.")
    parser.add_argument("--items", type=int, default=20_000, help="items a run")
    parser.add_argument("--objects", type=int, default=4_000, help="objects of 4 KB a run")
    parser.add_argument("--messages", type=int, default=10_000, help="messages a run")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--memory", type=int, nargs="*", default=[20_000, 100_000], help="counts of items")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=USUAL, metavar="PART")
    options = parser.parse_args()
    for name in ("azure", "uamqp"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="replicator-bench-") as directory:
        figures = asyncio.run(_measure(Path(directory), options))
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y%m%dT%H%M%S')}.json"
    path.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"kept in {path}")


async def _measure(directory: Path, options: argparse.Namespace) -> dict[str, object]:
    figures: dict[str, object] = {}
    for name in options.only:
        began = time.monotonic()
        async with LocalClouds(directory / f"clouds-{name}", servicebus=True) as clouds:
            figures[name] = await PARTS[name](Bench.of(clouds, directory, options))
        figures[f"{name}_took_seconds"] = round(time.monotonic() - began, 1)
    return figures


if __name__ == "__main__":
    main()
