"""`replicator status`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from replicator.cli.client import Client, RefusedError, UnreachableError, foreign
from replicator.cli.exits import Exit
from replicator.cli.messages import complain
from replicator.cli.options import URL, Json, Url, print_json
from replicator.model.errors import ReplicatorError

LOOK_SECONDS = 0.5
Look = Callable[[], tuple[bool, Any]]
"""Returns whether all is well, and what to show."""


def status(
    live: Annotated[bool, typer.Option("--live", help="Only ask whether the process is sound.")] = False,
    gate: Annotated[bool, typer.Option("--gate", help="Show the gate; 0 is open, 1 is closed.")] = False,
    as_json: Json = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the answer is yes.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds for which --wait waits.")] = 60.0,
    url: Url = URL,
) -> None:
    """Show how the service and its pipelines are, the worst first.

    Exits 0 when all of them are healthy, whether or not the gate is open, and 1 when something is
    degraded, dead or unreachable. With --gate it exits 0 when the gate is open and 1 when it is closed,
    with --live 0 when the process is sound.
    """
    if live and gate:
        raise typer.BadParameter("--live and --gate are two questions; ask one")
    client = Client(url)
    if live:
        look = _asking(client, "/healthz", lambda document: document["ok"])
    elif gate:
        look = _asking(client, "/v1/gate", lambda document: document["can_cutover"])
    else:
        look = _asking(client, "/v1/status", lambda document: document["service"]["healthy"])
    well, shown = _wait(look, timeout) if wait else _look(look)
    if isinstance(shown, ReplicatorError):
        complain(shown)
    elif as_json:
        print_json(shown)
    else:
        _print(shown, live=live, gate=gate)
    if not well:
        raise typer.Exit(Exit.NOT_WELL)


def _asking(client: Client, path: str, well: Callable[[dict[str, Any]], Any]) -> Look:
    """Asks for a document, and whether it says that all is well."""

    def look() -> tuple[bool, Any]:
        document = client.get(path)
        try:
            return bool(well(document)), document
        except KeyError:
            return False, foreign(client.url)

    return look


def _look(look: Look) -> tuple[bool, Any]:
    """One look; a service that does not answer is a no, with the error to show."""
    try:
        return look()
    except (UnreachableError, RefusedError) as error:
        return False, error


def _wait(look: Look, timeout: float) -> tuple[bool, Any]:
    deadline = time.monotonic() + timeout
    while True:
        well, shown = _look(look)
        if well or time.monotonic() + LOOK_SECONDS > deadline:
            return well, shown
        time.sleep(LOOK_SECONDS)


def _print(document: Any, *, live: bool, gate: bool) -> None:
    if live:
        typer.echo("sound" if document["ok"] else "\n".join(document["reasons"]))
        return
    from replicator.cli import page

    page.show(page.gate_lines(document) if gate else page.status_lines(document))
