"""`replicator pause`."""

from __future__ import annotations

import typer

from replicator.cli.client import pipeline_path
from replicator.cli.options import URL, Name, TokenFile, Url, client


def pause(name: Name, url: Url = URL, token_file: TokenFile = None) -> None:
    """Stop reading the source; what was read is still written."""
    document = client(url, token_file).post(pipeline_path(name, "pause"))
    typer.echo(f"{document['name']} is {document['state']}")
