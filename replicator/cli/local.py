"""`replicator local up`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from replicator.model.errors import ReplicatorError

verbs = typer.Typer(help="Both clouds on this machine, for rehearsals and tests.", no_args_is_help=True)


class LocalCloudsError(ReplicatorError):
    """The local clouds cannot be started."""

    code = "local_clouds"


@verbs.callback()
def _verbs() -> None:
    """Keep `up` a verb of its own, though it is the only one."""


@verbs.command("up")
def up(
    directory: Annotated[
        Path | None, typer.Option(help="Keep logs and state here; otherwise they go at the end.")
    ] = None,
    azurite: Annotated[
        bool, typer.Option("--azurite/--no-azurite", help="Azure Storage too, which needs Node.js.")
    ] = True,
) -> None:
    """Start both clouds, print how to reach them, and stop them on Ctrl-C.

    The lines that begin with «export» are meant for a shell.
    """
    import asyncio

    try:
        from localcloud.processes import StartError
        from localcloud.up import up as start
    except ImportError as error:
        raise LocalCloudsError(
            f"the local clouds are not installed: {error}", hint="Install `replicator[local]`."
        ) from error
    try:
        asyncio.run(start(directory, azurite=azurite))
    except (StartError, FileNotFoundError) as error:
        raise LocalCloudsError(
            f"the local clouds did not start: {error}",
            hint="Without Node.js, --no-azurite leaves Azure Storage out.",
        ) from error
