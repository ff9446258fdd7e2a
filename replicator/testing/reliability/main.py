"""`make reliability`: writes `docs/reliability.md` from real runs, simulated now and soaked before.

The simulator is run for as many seeds as wanted, and with each planted bug until a seed catches it. Of the
soaks everything in `run/soak` is told, and the newest one in full, with its picture.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from replicator.testing.bugs import BUGS, KINDS, SEEDS_FOR_A_BUG, seeds_of
from replicator.testing.reliability.page import PICTURE_NAME, page
from replicator.testing.reliability.tally import Tally
from replicator.testing.repair_bugs import REPAIR_BUGS
from replicator.testing.repairs import run_repairs
from replicator.testing.simulator import run_seed

PAGE = Path("docs/reliability.md")
PICTURE = PAGE.with_name(PICTURE_NAME)
SOAKS = Path("run/soak")
SEEDS_AT_A_TIME = 20


def main() -> int:
    """Run and write; 1 where a seed failed or a bug was not caught."""
    parser = argparse.ArgumentParser(prog="make reliability", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="run so many seeds")
    parser.add_argument("--workers", type=int, default=multiprocessing.cpu_count())
    options = parser.parse_args()
    with ProcessPoolExecutor(options.workers, multiprocessing.get_context("spawn")) as workers:
        tallies = _tallies(workers.map, options.seeds)
        bugs = sorted([*BUGS, *REPAIR_BUGS])
        caught = dict(zip(bugs, workers.map(catching_seed, bugs), strict=True))
    soaks = [json.loads(path.read_text()) for path in sorted(SOAKS.glob("*.json"))]
    PAGE.write_text(page(tallies, caught, soaks))
    if soaks:
        shutil.copy(max(SOAKS.glob("*.json")).with_suffix(".svg"), PICTURE)
    sys.stdout.write(f"written: {PAGE}\n")
    failed = any(tally.failed for tally in tallies.values()) or None in caught.values()
    return 1 if failed else 0


def tally_of(first: int, seeds: int) -> dict[str, Tally]:
    """Run some seeds, and count them by the kind of their worlds."""
    tallies: dict[str, Tally] = {}
    for seed in range(first, first + seeds):
        report = run_seed(seed)
        tallies.setdefault(report.kind, Tally()).add(report)
        if seed % len(KINDS) == 0:  # as many as of each kind of world
            tallies.setdefault("repairs", Tally()).add_repairs(run_repairs(seed // len(KINDS)))
    return tallies


def catching_seed(bug: str) -> int | None:
    """The first seed that fails with the bug, and does not without; None where there is none."""
    if bug in REPAIR_BUGS:
        return _first(lambda seed, bugs: run_repairs(seed, bugs).violations, bug, range(SEEDS_FOR_A_BUG))
    seeds = next(seeds_of(kind, SEEDS_FOR_A_BUG) for kind in KINDS if bug in kind.bugs)
    return _first(lambda seed, bugs: run_seed(seed, bugs).violations, bug, seeds)


def _first(run: Callable[[int, Sequence[str]], Sequence[str]], bug: str, seeds: range) -> int | None:
    return next((seed for seed in seeds if run(seed, [bug]) and not run(seed, [])), None)


def _tallies(map_: Callable[..., Iterable[dict[str, Tally]]], seeds: int) -> dict[str, Tally]:
    firsts = range(0, seeds, SEEDS_AT_A_TIME)
    counts = [min(SEEDS_AT_A_TIME, seeds - first) for first in firsts]
    together: dict[str, Tally] = {}
    for part in map_(tally_of, firsts, counts):
        for kind, tally in part.items():
            together.setdefault(kind, Tally()).merge(tally)
    return together
