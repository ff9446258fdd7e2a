"""`replicator verify`."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from replicator.cli.client import Client, RefusedError, pipeline_path
from replicator.cli.exits import Exit
from replicator.cli.options import URL, Json, Name, TokenFile, Url, client, print_json

LOOK_SECONDS = 0.5


def verify(
    name: Name,
    repair: Annotated[
        bool, typer.Option("--repair", help="Restore every mismatch from the source, then look again.")
    ] = False,
    quiet_source: Annotated[
        bool,
        typer.Option(
            "--quiet-source",
            help="You vouch that nobody writes to the source: the first difference counts.",
        ),
    ] = False,
    as_json: Json = False,
    url: Url = URL,
    token_file: TokenFile = None,
) -> None:
    """Compare both sides of a pipeline key by key, and wait for the result.

    Exits 0 when both sides are equal, or were made so by --repair, and 1 when mismatches are left. The
    report, a file of the service, has one JSON line per mismatch.
    """
    asked = client(url, token_file)
    started = asked.post(pipeline_path(name, "verify"), repair=repair, quiet_source=quiet_source)
    document = _follow(asked, name, started)
    if document["error"]:
        raise RefusedError(f"the verification of {name} broke off: {document['error']}")
    if as_json:
        print_json(document)
    else:
        _tell(name, document)
    if document["mismatches"]:
        raise typer.Exit(Exit.NOT_WELL)


def _follow(asked: Client, name: str, started: dict[str, Any]) -> dict[str, Any]:
    """The finished verification; on a terminal its progress is shown meanwhile."""
    from rich.console import Console

    from replicator.cli.page import verification_text

    with Console(file=sys.stderr).status("verification begins") as shown:
        while True:
            document: dict[str, Any] = asked.get(pipeline_path(name, "verification"))
            if document["started_at"] != started["started_at"]:
                raise RefusedError(
                    f"the verification of {name} was replaced by another one",
                    hint="The pipeline was started again meanwhile; verify again.",
                )
            if document["finished_at"] is not None:
                return document
            shown.update(f"verification {verification_text(document)}")
            time.sleep(LOOK_SECONDS)


def _tell(name: str, document: dict[str, Any]) -> None:
    from replicator.cli.page import verification_text

    typer.echo(f"{name}: verified {verification_text(document)}")
    if document["mismatches"]:
        typer.echo(f"{document['mismatches']:,} mismatches are left")
    typer.echo(f"report: {document['report']}")
