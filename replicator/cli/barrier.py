"""`replicator barrier`."""

from __future__ import annotations

from typing import Annotated

import typer

from replicator.cli.client import pipeline_path
from replicator.cli.options import URL, Name, TokenFile, Url, client

ANSWER_SECONDS = 5.0
"""Beyond the timeout, the service is given so long to say that time is up."""


def barrier(
    name: Name,
    key: Annotated[
        list[str] | None,
        typer.Option(help="Wait for this key alone, compared on both sides; may be given again."),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.001, max=3600, help="Seconds to wait.")] = 60.0,
    url: Url = URL,
    token_file: TokenFile = None,
) -> None:
    """Wait until everything committed at the source before this call is durable in the sink."""
    asked = client(url, token_file)
    document = asked.post(
        pipeline_path(name, "barrier"), timeout + ANSWER_SECONDS, timeout_seconds=timeout, keys=key or []
    )
    typer.echo(f"applied, proved {document['proof']}, after {document['seconds']:.1f} s")
