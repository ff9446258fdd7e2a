"""``python -m localcloud.cosmos``: the stand-in as a process, until SIGTERM or SIGINT.

When it listens it writes one line of JSON with ``endpoint``, ``key`` and ``pid`` to the ready file,
where one is named, and then prints it.
"""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from localcloud.cosmos import WELL_KNOWN_KEY, CosmosServer
from localcloud.serving import announce, spare_the_collector


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m localcloud.cosmos", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 takes a free one")
    parser.add_argument("--key", default=WELL_KNOWN_KEY, help="master key, base64")
    parser.add_argument("--ranges", type=int, default=4, help="physical ranges per container")
    parser.add_argument("--directory", type=Path, help="keep everything here over a clean stop")
    parser.add_argument("--ready-file", type=Path, help="written once it listens")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = CosmosServer(arguments.host, arguments.port, arguments.key, ranges=arguments.ranges)
    kept = arguments.directory / "account" if arguments.directory else None
    if kept is not None:
        server.restore(kept)
    await server.start()
    try:
        announce({"endpoint": server.endpoint, "key": server.key}, arguments.ready_file)
        await stopped.wait()
    finally:
        await server.stop()
        if kept is not None:
            server.keep(kept)


def main() -> None:
    """Run until a signal says stop; exit status 1 with a sentence when the port is taken."""
    spare_the_collector()
    try:
        asyncio.run(_serve(_arguments()))
    except OSError as error:
        sys.exit(f"cannot listen: {error}")


if __name__ == "__main__":
    main()
