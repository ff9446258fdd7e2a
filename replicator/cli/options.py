"""Options that several verbs share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from replicator.cli.client import Client
from replicator.model.errors import ConfigError

URL = "http://127.0.0.1:8700"
TOKEN = "REPLICATOR_TOKEN"  # noqa: S105 - the name of a variable

Name = Annotated[str, typer.Argument(help="Name of the pipeline.", metavar="NAME")]
Url = Annotated[str, typer.Option("--url", envvar="REPLICATOR_URL", help="Address of the service.")]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        envvar="REPLICATOR_TOKEN_FILE",
        help=f"File that holds the token; or set {TOKEN} to the token itself.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def client(url: str, token_file: Path | None) -> Client:
    """A client that brings the token, where there is one.

    Raises:
        ConfigError: the file cannot be read, or is empty, or the token is none.
    """
    if token_file is None:
        return Client(url, _sound(os.environ.get(TOKEN, "").strip(), TOKEN) or None)
    try:
        token = token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"the token file {token_file} cannot be read: {error}"]) from error
    if not token:
        raise ConfigError([f"the token file {token_file} is empty"])
    return Client(url, _sound(token, f"the token file {token_file}"))


def _sound(token: str, place: str) -> str:
    """The token, where a header can hold it."""
    if not all(character.isprintable() and character <= "\xff" for character in token):
        raise ConfigError([f"{place} holds a character that cannot be sent, such as a line break"])
    return token


def print_json(document: object) -> None:
    """JSON for programs, indented for people."""
    import json

    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
