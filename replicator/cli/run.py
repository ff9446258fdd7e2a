"""`replicator run`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from replicator.cli.exits import Exit

WAIT_SECONDS = 30.0


def run(
    config: Annotated[Path, typer.Argument(help="The configuration file.", metavar="CONFIG")],
    preflight: Annotated[
        bool,
        typer.Option(
            "--preflight/--no-preflight",
            help="Look at both ends of every pipeline before the first start.",
        ),
    ] = True,
    wait_for_ends: Annotated[
        float,
        typer.Option(
            min=0, help="Seconds for which ends that cannot be reached are waited for at the first start."
        ),
    ] = WAIT_SECONDS,
) -> None:
    """Run the service until SIGINT or SIGTERM, then finish what is under way.

    At the first start, when there is no state file yet, both ends of every pipeline are looked at as
    `validate` does; what blocks ends the command and leaves nothing behind. A later start goes on at once,
    and shows in `status` what is wrong.
    """
    from asyncio import CancelledError

    from replicator.config import load

    settings = load(config, os.environ)

    from replicator.app.loop import run_to_end
    from replicator.app.run import run as run_service
    from replicator.telemetry import log

    log.configure(settings.log.level, settings.log.format)
    preflight_seconds = wait_for_ends if preflight else None
    try:
        well = run_to_end(run_service(settings, os.environ, preflight_seconds=preflight_seconds))
    except CancelledError as error:  # a signal that insisted
        raise typer.Exit(Exit.INTERRUPTED) from error
    if not well:
        raise typer.Exit(Exit.NOT_WELL)
