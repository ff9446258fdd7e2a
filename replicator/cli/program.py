"""All verbs in one program, and what becomes of their errors."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

import replicator
from replicator.cli import (
    barrier,
    dead_letters,
    demo,
    local,
    pause,
    resume,
    run,
    status,
    validate,
    verify,
)
from replicator.cli.exits import Exit, exit_of
from replicator.model.errors import ReplicatorError

TRACEBACK = "REPLICATOR_TRACEBACK"
"""Set this variable to see where an internal error comes from."""

_TYPER_USAGE = 2

program = typer.Typer(
    name="replicator",
    help="Moves the state of serverless workloads from AWS to Azure while the business runs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@program.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if version:
        typer.echo(replicator.__version__)
        raise typer.Exit


program.command("run")(run.run)
program.command("validate")(validate.validate)
program.command("status")(status.status)
program.command("pause")(pause.pause)
program.command("resume")(resume.resume)
program.command("barrier")(barrier.barrier)
program.command("verify")(verify.verify)
program.add_typer(dead_letters.verbs, name="dead-letters")
program.add_typer(local.verbs, name="local")
program.command("demo", context_settings=demo.PASS_ON)(demo.demo)


def carry_out(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit status."""
    try:
        typer.main.get_command(program)(list(arguments), prog_name="replicator")
    except SystemExit as end:
        return _status(end.code)
    except ReplicatorError as error:
        complain(error)
        return exit_of(error)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return Exit.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last place where anything can be said
        _confess(error)
        return Exit.INTERNAL
    return Exit.OK


def _status(code: str | int | None) -> int:
    """Typer ends wrong usage with 2; our verbs never end with 2 themselves, they raise."""
    status = code if isinstance(code, int) else Exit.OK
    return Exit.USAGE if status == _TYPER_USAGE else status


def complain(error: ReplicatorError) -> None:
    """One message, and what to do about it, on standard error."""
    typer.echo(f"error: {error.message}", err=True)
    if error.hint:
        typer.echo(f"hint: {error.hint}", err=True)


def _confess(error: Exception) -> None:
    typer.echo(f"internal error: {type(error).__name__}: {error}", err=True)
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error, file=sys.stderr)
    else:
        typer.echo(f"hint: {TRACEBACK}=1 shows where it comes from; please report it.", err=True)
