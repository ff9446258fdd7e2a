"""`replicator resume`."""

from __future__ import annotations

from typing import Annotated

import typer

from replicator.cli.client import pipeline_path
from replicator.cli.options import URL, Name, TokenFile, Url, client


def resume(
    name: Name,
    new_backfill: Annotated[
        bool,
        typer.Option(
            "--new-backfill",
            help="Of a failed pipeline: give its positions up and reconcile everything, as after a "
            "position that was lost.",
        ),
    ] = False,
    url: Url = URL,
    token_file: TokenFile = None,
) -> None:
    """Go on after a pause, or start a failed pipeline again."""
    document = client(url, token_file).post(pipeline_path(name, "resume"), new_backfill=new_backfill)
    typer.echo(f"{document['name']} is {document['state']}")
