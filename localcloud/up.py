"""`replicator local up`: both clouds until somebody says stop."""

import asyncio
import shlex
import signal
import sys
from pathlib import Path
from typing import TextIO

from localcloud.cloud import LocalClouds

__all__ = ["up"]

# Microsoft's administration client speaks https only, which no stand-in on loopback can serve it.
_HOW_TO_MAKE_QUEUES = (
    "# A queue of Service Bus is made so; requires_session where its source is a FIFO queue:",
    '# curl -X PUT "$SERVICEBUS_MANAGEMENT_ENDPOINT/_local/queues/steps" -d '
    '\'{"requires_session": true, "duplicate_detection_seconds": 600, "dead_letter_on_expiration": true}\'',
)


async def up(directory: Path | None = None, *, azurite: bool = True, out: TextIO | None = None) -> None:
    """Start both clouds, print how to reach them, and stop them on SIGINT or SIGTERM.

    Args:
        directory: for logs and state, which a clean stop keeps; None takes a temporary one that goes.
        azurite: whether Azure Storage is wanted too; it needs Node.js.
        out: where the lines go; standard output unless told. Its lines that begin with ``export`` are meant
            for a shell, the others are comments to it.

    Raises:
        StartError: a server did not come up; none is left running.
        FileNotFoundError: Azurite is wanted, and it or Node.js is missing.
    """
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, told.set)
    try:
        async with LocalClouds(
            directory, azurite=azurite, servicebus=True, persist=directory is not None
        ) as clouds:
            _say(out or sys.stdout, *_lines(clouds))
            await told.wait()
            _say(out or sys.stdout, "# stopping")
    finally:
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(signum)


def _lines(clouds: LocalClouds) -> list[str]:
    exports = [f"export {name}={shlex.quote(value)}" for name, value in clouds.environment().items()]
    logs = clouds.directory / "logs"
    return [f"# Both clouds are up; logs are in {logs}. Ctrl-C stops them.", *exports, *_HOW_TO_MAKE_QUEUES]


def _say(out: TextIO, *lines: str) -> None:
    out.write("".join(line + "\n" for line in lines))
    out.flush()
