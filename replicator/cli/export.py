"""`replicator dead-letters export`."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

import typer

from replicator.cli.client import RefusedError
from replicator.cli.options import URL, TokenFile, Url, client

if TYPE_CHECKING:
    from replicator.cli.client import Client

PAGE_LETTERS = 100


def export(
    file: Annotated[Path, typer.Argument(help="Where to write; - is standard output.", metavar="FILE")],
    pipeline: Annotated[str | None, typer.Option(help="Only those of this pipeline.")] = None,
    state: Annotated[
        Literal["open", "replayed", "waived", "any"],
        typer.Option(help="Only those in this state: open, replayed, waived or any."),
    ] = "open",
    url: Url = URL,
    token_file: TokenFile = None,
) -> None:
    """Write dead letters whole, one JSON object a line, as `show` shows them.

    The file takes its name when it is complete, in place of one that was there; only its owner can read
    it, because it holds records. Letters that come while this runs may be in it or not.
    """
    asked = client(url, token_file)
    letters = _letters(asked, pipeline, None if state == "any" else state)
    if str(file) == "-":
        for letter in letters:
            typer.echo(json.dumps(letter))
        return
    count = 0
    with _replacing(file) as lines:
        for letter in letters:
            lines.write(json.dumps(letter) + "\n")
            count += 1
    typer.echo(f"{count} dead letter{'' if count == 1 else 's'} in {file}")


def _letters(asked: Client, pipeline: str | None, state: str | None) -> Iterator[dict[str, Any]]:
    """The letters in order of id, each with its record, page by page."""
    after: int | None = 0
    while after is not None:
        page = asked.get(
            "/v1/dead-letters", pipeline=pipeline, state=state, after=after, limit=PAGE_LETTERS
        )
        for summary in page["dead_letters"]:
            letter = _letter(asked, summary["id"])
            if letter is not None:
                yield letter
        after = page["next_after"]


def _letter(asked: Client, number: int) -> dict[str, Any] | None:
    """A letter with its record; None where a newer one of its key has taken its place since the listing."""
    try:
        return asked.get(f"/v1/dead-letters/{number}")
    except RefusedError as error:
        if error.status == 404:
            return None
        raise


@contextmanager
def _replacing(file: Path) -> Iterator[TextIO]:
    """A file that appears under its name only once it is written whole.

    Raises:
        RefusedError: it cannot be written.
    """
    try:
        # Only its owner can read what mkstemp creates.
        descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as lines:
                yield lines
            Path(name).replace(file)
        except BaseException:
            Path(name).unlink()
            raise
    except OSError as error:
        raise RefusedError(f"{file} cannot be written: {error.strerror or error}") from error
