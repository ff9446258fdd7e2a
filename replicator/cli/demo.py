"""`replicator demo`."""

from __future__ import annotations

import importlib

import typer

from replicator.model.errors import ReplicatorError

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""This verb hands everything to the demonstration, the wish for help included."""


class DemoError(ReplicatorError):
    """The demonstration is not there, or cannot run here."""

    code = "demo"


def demo(context: typer.Context) -> None:
    """Move a live application between two local clouds before your eyes; it says what it does.

    `replicator demo --help` lists its options.
    """
    try:
        main = importlib.import_module("replicator.demo.main")
    except ImportError as error:
        raise DemoError(
            f"the demonstration is not installed: {error}", hint="Run it from the source: `make demo`."
        ) from error
    status = main.run(context.args)
    if status:
        raise typer.Exit(status)
