"""`replicator validate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from replicator.cli.exits import Exit
from replicator.cli.options import Json, print_json
from replicator.model.errors import ConfigError

if TYPE_CHECKING:
    from replicator.app.preflight import Sighting
    from replicator.config import Settings


def validate(
    config: Annotated[Path, typer.Argument(help="The configuration file.", metavar="CONFIG")],
    as_json: Json = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Read the configuration only; open no connection.")
    ] = False,
) -> None:
    """Check the configuration, and look at both ends of every pipeline without changing anything.

    Looked at are existence, settings, limits and permissions, as far as reading tells them, and, where the
    sink can judge records, a sample of at most 1,000 of the source's. Exits 1 when something blocks. With
    --json the document has `ok`, and `findings` with `pipeline`, `side`, `severity`, `message` and `hint`.
    """
    import asyncio

    from replicator.app.preflight import preflight
    from replicator.config import installed

    settings = _load(config, as_json=as_json)
    sightings = [] if offline else asyncio.run(preflight(settings, installed(), sampled=True))
    blocked = any(sighting.blocks for sighting in sightings)
    if as_json:
        print_json({"ok": not blocked, "findings": [_document(sighting) for sighting in sightings]})
    else:
        _tell(sightings, len(settings.pipelines), offline=offline, blocked=blocked)
    if blocked:
        raise typer.Exit(Exit.NOT_WELL)


def _load(config: Path, *, as_json: bool) -> Settings:
    """The settings; problems are printed as JSON too, where that is wanted."""
    from replicator.config import load

    try:
        return load(config, os.environ)
    except ConfigError as error:
        if as_json:
            print_json({"ok": False, "problems": error.problems, "hint": error.hint})
            raise typer.Exit(Exit.CONFIG) from error
        raise


def _document(sighting: Sighting) -> dict[str, str]:
    finding = sighting.finding
    return {
        "pipeline": sighting.pipeline,
        "side": sighting.side,
        "severity": finding.severity.value,
        "message": finding.message,
        "hint": finding.hint,
    }


def _tell(sightings: list[Sighting], pipelines: int, *, offline: bool, blocked: bool) -> None:
    for sighting in sightings:
        finding = sighting.finding
        place = f"{sighting.pipeline}, {sighting.side}"
        typer.echo(f"{finding.severity.value}: {place}: {finding.message}")
        if finding.hint:
            typer.echo(f"  hint: {finding.hint}")
    looked = "the ends were not looked at" if offline else "both ends were looked at"
    verdict = "cannot run" if blocked else "can run"
    typer.echo(f"{pipelines} pipeline{'s' if pipelines > 1 else ''}; {looked}; the configuration {verdict}")
