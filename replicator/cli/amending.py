"""What `install` and `uninstall` share: looking, showing, changing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from replicator.cli.exits import Exit
from replicator.cli.options import print_json

if TYPE_CHECKING:
    from replicator.app.install import Step

Pipelines = Annotated[
    list[str] | None,
    typer.Option("--pipeline", help="Only this pipeline; may be given more than once.", metavar="NAME"),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]


def amend(config: Path, pipelines: list[str], *, installed: bool, dry_run: bool, as_json: bool) -> None:
    """Bring the settings to the wanted state, or show what that would take."""
    import asyncio

    from replicator.app.install import Record, change, look
    from replicator.config import installed as installed_connectors
    from replicator.config import load

    settings = load(config, os.environ)
    act = look if dry_run else change
    steps = asyncio.run(act(settings, installed_connectors(), pipelines, installed=installed))
    record = Record(settings.state.path).path if steps and not dry_run else None
    if as_json:
        print_json(_document(steps, record))
    else:
        _tell(steps, record)
    if dry_run and steps:
        raise typer.Exit(Exit.NOT_WELL)


def _document(steps: list[Step], record: Path | None) -> dict[str, object]:
    return {
        "changed": record is not None,
        "record": str(record) if record else None,
        "changes": [
            {
                "pipeline": step.pipeline,
                "side": step.side,
                "place": step.amendment.place,
                "before": step.amendment.before,
                "after": step.amendment.after,
            }
            for step in steps
        ],
    }


def _tell(steps: list[Step], record: Path | None) -> None:
    for step in steps:
        typer.echo(f"{step.pipeline}, {step.side}: {step.amendment.place}")
        typer.echo(step.difference())
    if not steps:
        typer.echo("nothing to change")
    elif record is None:
        typer.echo(f"{len(steps)} settings would be changed; nothing was")
    else:
        typer.echo(f"{len(steps)} settings changed; what they were before is in {record}")
