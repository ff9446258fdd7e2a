"""`replicator limits`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from replicator.cli.client import pipeline_path
from replicator.cli.options import URL, Json, Name, TokenFile, Url, client, print_json
from replicator.model.errors import ConfigError

SET = "set"


def limits(
    name: Name,
    change: Annotated[
        list[str] | None,
        typer.Argument(
            help="Change some: the word set, then LIMIT=NUMBER as often as needed.",
            metavar="[set LIMIT=NUMBER...]",
        ),
    ] = None,
    as_json: Json = False,
    url: Url = URL,
    token_file: TokenFile = None,
) -> None:
    """Show the limits of a pipeline, or change some while it runs.

    A change holds at once, and until the service ends: a restart begins with the configuration again.
    """
    asked, path = client(url, token_file), pipeline_path(name, "limits")
    document = asked.patch(path, **_given(change)) if change else asked.get(path)
    if as_json:
        print_json(document)
        return
    for line in lines(document):
        typer.echo(line)


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The limits, one a line, with what is configured where that is something else."""
    configured = document["configured"]
    for limit, value in document["limits"].items():
        notes = []
        if value != configured[limit]:
            notes.append(f"until the next restart; configured: {configured[limit]:g}")
        if limit in document["fixed"]:
            notes.append("may not change while the service runs")
        yield f"{limit:<30} {value:<10.10g}{'; '.join(notes)}".rstrip()


def _given(change: Sequence[str]) -> dict[str, float]:
    """The limits that are asked for.

    Raises:
        ConfigError: something is no change of a limit.
    """
    hint = "Write `replicator limits NAME set LIMIT=NUMBER`."
    given: dict[str, float] = {}
    problems = [] if change[0] == SET and len(change) > 1 else [f"no change of a limit: {change[0]!r}"]
    for each in change[1:]:
        limit, _, value = each.partition("=")
        try:
            given[limit] = float(value)
        except ValueError:
            problems.append(f"not LIMIT=NUMBER: {each!r}")
    if problems:
        raise ConfigError(problems, hint=hint)
    return given
