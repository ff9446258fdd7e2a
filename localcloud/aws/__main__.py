"""`python -m localcloud.aws --upstream URL [--port N]`: the proxy as a process of its own.

It prints one line of JSON with its endpoint when it takes calls, and stops on SIGTERM or SIGINT.
"""

import argparse
import asyncio
import json
import signal
import sys
from contextlib import suppress
from pathlib import Path

from localcloud.aws.server import SHARDS, AwsServer

__all__ = ["main"]


def main() -> None:
    """Run the proxy until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.aws", description=__doc__)
    parser.add_argument("--upstream", required=True, help="URL of ministack")
    parser.add_argument("--port", type=int, default=0, help="on loopback; 0 takes a free one")
    parser.add_argument("--directory", type=Path, help="keep the shape of streams here over a restart")
    parser.add_argument("--shards", type=int, default=SHARDS, help="of a new stream")
    with suppress(asyncio.CancelledError):
        asyncio.run(_run(parser.parse_args()))


async def _run(options: argparse.Namespace) -> None:
    task = asyncio.current_task()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, lambda: task and task.cancel())
    async with AwsServer(
        options.upstream, directory=options.directory, shards=options.shards, port=options.port
    ) as server:
        sys.stdout.write(json.dumps({"endpoint": server.endpoint}) + "\n")
        sys.stdout.flush()
        await server.serve()


if __name__ == "__main__":
    main()
