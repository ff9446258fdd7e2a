"""The command line of the demonstration: `replicator demo`, `make demo`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from localcloud.processes import StartError
from replicator.demo.keeping import keep
from replicator.demo.story import DemoError, Plan, Story
from replicator.demo.summary import summarize

ITEMS = 20_000
RATE = 50.0


def run(arguments: Sequence[str]) -> int:
    """Run the demonstration.

    Returns:
        0 where both sides hold exactly what was written, 1 where they do not or where something failed,
        130 where it was interrupted.
    """
    options = _parser().parse_args(arguments)
    logging.getLogger("azure").setLevel(logging.ERROR)
    console = Console()
    with ExitStack() as stack:
        directory = options.directory or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="replicator-demo-"))
        )
        plan = Plan(directory.resolve(), options.items, options.rate, azurite=options.keep)
        story = Story(plan, console)
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
        prog="replicator demo", description="Move a live table between two local clouds."
    )
    parser.add_argument("--items", type=int, default=ITEMS, help="orders in the table at first")
    parser.add_argument("--rate", type=float, default=RATE, help="writes a second while it moves")
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end")
    parser.add_argument("--directory", type=Path, help="keep state, logs and ledger here")
    return parser


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
