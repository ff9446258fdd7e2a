"""What is said when a command cannot be carried out: on standard error, without a traceback."""

from __future__ import annotations

import os
import sys
import traceback

import typer

from replicator.model.errors import ConfigError, ReplicatorError

TRACEBACK = "REPLICATOR_TRACEBACK"
"""Set this variable to see where an internal error comes from."""


def complain(error: ReplicatorError) -> None:
    """One message, or one line a problem, and what to do about it."""
    problems = error.problems if isinstance(error, ConfigError) else [error.message]
    for problem in problems:
        typer.echo(f"error: {problem}", err=True)
    if error.hint:
        typer.echo(f"hint: {error.hint}", err=True)


def confess(error: Exception) -> None:
    """A fault of ours."""
    typer.echo(f"internal error: {type(error).__name__}: {error}", err=True)
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error, file=sys.stderr)
    else:
        typer.echo(f"hint: {TRACEBACK}=1 shows where it comes from; please report it.", err=True)
