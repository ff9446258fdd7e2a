"""`replicator dead-letters list|show|export|replay|waive`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from replicator.cli.exits import Exit
from replicator.cli.export import export
from replicator.cli.options import URL, Json, TokenFile, Url, client, print_json

verbs = typer.Typer(
    help="Changes that a sink refuses for good: list, show, export, replay, waive.", no_args_is_help=True
)

LetterId = Annotated[int, typer.Argument(help="Number of the dead letter.", metavar="ID", min=1)]


@verbs.command("list")
def list_letters(
    pipeline: Annotated[str | None, typer.Option(help="Only those of this pipeline.")] = None,
    state: Annotated[
        Literal["open", "replayed", "waived", "any"],
        typer.Option(help="Only those in this state: open, replayed, waived or any."),
    ] = "open",
    after: Annotated[int, typer.Option(min=0, help="Only numbers greater than this.")] = 0,
    limit: Annotated[
        int, typer.Option(min=1, max=100, help="The most to list, up to 100; --after goes on.")
    ] = 100,
    as_json: Json = False,
    url: Url = URL,
    token_file: TokenFile = None,
) -> None:
    """List dead letters, without their records."""
    page = client(url, token_file).get(
        "/v1/dead-letters",
        pipeline=pipeline,
        state=None if state == "any" else state,
        after=after,
        limit=limit,
    )
    if as_json:
        print_json(page)
        return
    for letter in page["dead_letters"]:
        typer.echo(_line(letter))
    if not page["dead_letters"]:
        typer.echo("there are none")
    if page["next_after"] is not None:
        typer.echo(f"there may be more: --after {page['next_after']}")


@verbs.command("show")
def show(letter_id: LetterId, url: Url = URL, token_file: TokenFile = None) -> None:
    """Show a dead letter whole, as JSON, with the record that was refused."""
    print_json(client(url, token_file).get(f"/v1/dead-letters/{letter_id}"))


verbs.command("export")(export)


@verbs.command("replay")
def replay(letter_id: LetterId, url: Url = URL, token_file: TokenFile = None) -> None:
    """Make the sink's record what the source's is now.

    Mend the cause first. Exits 1 when the sink refuses the record again; it is then open under a new
    number.
    """
    document = client(url, token_file).post(f"/v1/dead-letters/{letter_id}/replay")
    if document["state"] != "replayed":
        typer.echo(f"dead letter {letter_id}: the sink refuses its record again")
        raise typer.Exit(Exit.NOT_WELL)
    typer.echo(f"dead letter {letter_id} is replayed")


@verbs.command("waive")
def waive(letter_id: LetterId, url: Url = URL, token_file: TokenFile = None) -> None:
    """Declare that it will never be applied, so that it no longer closes the gate.

    A message that comes again and is being sent at that moment may still arrive.
    """
    client(url, token_file).post(f"/v1/dead-letters/{letter_id}/waive")
    typer.echo(f"dead letter {letter_id} is waived")


def _line(letter: dict[str, Any]) -> str:
    return (
        f"{letter['id']}  {letter['state']}  {letter['pipeline']}  {letter['kind']} {letter['key']}\n"
        f"    {letter['error_code']}: {letter['message']}"
    )
