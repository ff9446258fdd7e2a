"""`replicator uninstall`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from replicator.cli.amending import DryRun, Pipelines, amend
from replicator.cli.options import Json


def uninstall(
    config: Annotated[Path, typer.Argument(help="The configuration file.", metavar="CONFIG")],
    pipeline: Pipelines = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Take out of the clouds' settings what `install` put there, and nothing else.

    Our entries are known by their names, so entries that others made or changed meanwhile stay. Run it once
    the migration is over: from then on the event queue gets no events of the bucket any more.

    Exits 0 when nothing of ours is left; with --dry-run 0 where nothing would change, and 1 where something
    would.
    """
    amend(config, pipeline or [], installed=False, dry_run=dry_run, as_json=as_json)
