"""All verbs in one program, and what becomes of their errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

import replicator
from replicator.cli import (
    barrier,
    dead_letters,
    demo,
    install,
    limits,
    local,
    pause,
    resume,
    run,
    status,
    uninstall,
    validate,
    verify,
)
from replicator.cli.exits import Exit, exit_of
from replicator.cli.messages import complain, confess
from replicator.model.errors import ReplicatorError, first_cause

_TYPER_USAGE = 2

program = typer.Typer(
    name="replicator",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(replicator.__version__)
        raise typer.Exit


@program.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Moves the state of serverless workloads from AWS to Azure while the business runs."""


program.command("run")(run.run)
program.command("validate")(validate.validate)
program.command("install")(install.install)
program.command("uninstall")(uninstall.uninstall)
program.command("status")(status.status)
program.command("pause")(pause.pause)
program.command("resume")(resume.resume)
program.command("barrier")(barrier.barrier)
program.command("limits")(limits.limits)
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
    except Exception as error:  # noqa: BLE001 - the last place where anything can be said
        return fail(error)
    return Exit.OK


def fail(error: Exception) -> Exit:
    """Say what went wrong, and return the status that it ends with."""
    cause = first_cause(error) if isinstance(error, ExceptionGroup) else error
    if isinstance(cause, ReplicatorError):
        complain(cause)
        return exit_of(cause)
    confess(error)
    return Exit.INTERNAL


def _status(code: str | int | None) -> int:
    """Typer ends wrong usage with 2; our verbs never end with 2 themselves, they raise."""
    status = code if isinstance(code, int) else Exit.OK
    return Exit.USAGE if status == _TYPER_USAGE else status
