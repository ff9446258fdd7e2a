"""`replicator install`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from replicator.cli.amending import DryRun, Pipelines, amend
from replicator.cli.options import Json


def install(
    config: Annotated[Path, typer.Argument(help="The configuration file.", metavar="CONFIG")],
    pipeline: Pipelines = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Put into the clouds' own settings what the pipelines need there, beside what is there already.

    For an S3 source: the right of S3 to send to the event queue, in the queue's policy, and the bucket's
    notifications of everything that changes. Each setting is read, merged, written, read back and compared,
    and what it was before is recorded in a file beside the state file, `….settings.jsonl`. It acts on the
    clouds, whether or not a service runs, and doing it again changes nothing.

    Exits 0 when all is in place; with --dry-run 0 where nothing would change, and 1 where something would.
    """
    amend(config, pipeline or [], installed=True, dry_run=dry_run, as_json=as_json)
