"""`make soak MINUTES=30`: the run, its files, and a verdict as exit status."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from replicator.testing.soak.plot import draw_svg
from replicator.testing.soak.run import Outcome, soak

RESULTS = Path("run/soak")


def main() -> int:
    """Run; 0 where nothing was lost, changed or doubled and nothing grows, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument(
        "--seed", type=int, default=int(time.time()) % 100_000, help="default: of the clock"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="where its JSON and its plot go")
    parser.add_argument("--directory", type=Path, help="keep state, logs and ledgers here")
    options = parser.parse_args()
    logging.getLogger("azure").setLevel(logging.ERROR)
    console = Console(width=110)
    with tempfile.TemporaryDirectory(prefix="replicator-soak-") as temporary:
        directory = (options.directory or Path(temporary)).resolve()
        directory.mkdir(parents=True, exist_ok=True)
        told = asyncio.run(
            soak(directory, options.minutes, options.seed, lambda text: console.print(text, markup=False))
        )
    path = write(told, options.results)
    _summarize(told, console)
    console.print(f"kept in {path} and {path.with_suffix('.svg')}", markup=False, soft_wrap=True)
    return 1 if told.complaints else 0


def write(outcome: Outcome, results: Path) -> Path:
    """Write what is known of a run, and its picture; returns where the first one lies."""
    results.mkdir(parents=True, exist_ok=True)
    path = results / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{outcome.seed}.json"
    path.write_text(json.dumps(document_of(outcome), indent=1) + "\n")
    path.with_suffix(".svg").write_text(draw_svg(outcome))
    return path


def document_of(outcome: Outcome) -> dict[str, Any]:
    """The outcome for a file: counts first, samples last."""
    document = asdict(outcome)
    document["comparisons"] = [
        {
            "side": each.side,
            "expected": each.expected,
            "equal": each.equal,
            "missing": len(each.missing),
            "different": len(each.different),
            "extra": len(each.extra),
        }
        for each in outcome.comparisons
    ]
    document["growths"] = [asdict(each) | {"grows": each.grows} for each in outcome.growths]
    document["complaints"] = outcome.complaints
    document["samples"] = document.pop("samples")
    return document


def _summarize(outcome: Outcome, console: Console) -> None:
    sides = Table("", "expected", "equal", "missing", "different", "extra", title_justify="left")
    for each in outcome.comparisons:
        counts = (each.expected, each.equal, len(each.missing), len(each.different), len(each.extra))
        sides.add_row(each.side, *(f"{count:,}" for count in counts))
    figures = Table("", "median", "rise", "allowed", "rising pairs")
    for growth in outcome.growths:
        rise = (f"{growth.level:,.0f}", f"{growth.rise:+,.0f}", f"{growth.rise_max:,.0f}")
        figures.add_row(growth.name, *rise, f"{growth.rising_share:.0%}")
    console.print(sides)
    console.print(figures)
    for complaint in outcome.complaints:
        console.print(complaint, style="red", markup=False)
    told = "nothing is lost, changed or doubled, and nothing grows" if not outcome.complaints else "failed"
    console.print(f"{len(outcome.strikes)} faults: {told}")


if __name__ == "__main__":
    sys.exit(main())
