"""The command line of the demonstration: `replicator demo`, `make demo`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from localcloud.node import azurite_command
from localcloud.processes import StartError
from replicator.demo.keeping import keep
from replicator.demo.pairs import INVOICES, PAIRS
from replicator.demo.story import DemoError, Plan, Story
from replicator.demo.summary import summarize
from replicator.demo.workload import Amount

AMOUNTS = {
    "orders": Amount(10_000, 40.0),
    "invoices": Amount(800, 8.0),
    "notices": Amount(1_500, 15.0),
    "steps": Amount(1_000, 10.0),
}


def run(arguments: Sequence[str]) -> int:
    """Run the demonstration.

    Returns:
        0 where all sides hold exactly what was written, 1 where they do not or where something failed,
        130 where it was interrupted.
    """
    options = _parser().parse_args(arguments)
    logging.getLogger("azure").setLevel(logging.ERROR)
    console = Console()
    with ExitStack() as stack:
        directory = options.directory or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="replicator-demo-"))
        )
        amounts = _amounts(options, console)
        if not amounts:
            return 1
        story = Story(Plan(directory.resolve(), amounts), console)
        try:
            return asyncio.run(_run(story, console, keeping=options.keep))
        except (DemoError, StartError) as error:
            console.print(f"\n{error}", style="red", markup=False)
            return 1
        except KeyboardInterrupt:
            console.print("\ninterrupted; everything is stopped")
            return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="replicator demo", description="Move a live application between two local clouds."
    )
    parser.add_argument("--pairs", help=f"only these of {', '.join(PAIRS)}, with commas between")
    parser.add_argument("--share", type=float, default=1.0, help="this share of what is there at first")
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end")
    parser.add_argument("--directory", type=Path, help="keep state, logs and ledgers here")
    return parser


def _amounts(options: argparse.Namespace, console: Console) -> Mapping[str, Amount]:
    """What takes part, in the order of `PAIRS`; empty where nothing does, which is said."""
    names = options.pairs.split(",") if options.pairs else list(PAIRS)
    unknown = [name for name in names if name not in PAIRS]
    if unknown:
        console.print(f"unknown: {', '.join(unknown)}; there are {', '.join(PAIRS)}", style="red")
        return {}
    if INVOICES.name in names:
        try:
            azurite_command()
        except FileNotFoundError as error:
            console.print(f"S3 → Blob Storage is left out: {error}", style="yellow", markup=False)
            names.remove(INVOICES.name)
    return {
        name: Amount(max(1, round(amount.count * options.share)), amount.rate)
        for name, amount in AMOUNTS.items()
        if name in names
    }


async def _run(story: Story, console: Console, *, keeping: bool) -> int:
    story.plan.directory.mkdir(parents=True, exist_ok=True)
    try:
        outcome = await story.tell()
        summarize(story, outcome, console)
        if keeping:
            await keep(story, console)
        return 0 if outcome.clean else 1
    finally:
        await story.end()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
