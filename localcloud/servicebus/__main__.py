"""``python -m localcloud.servicebus``: the stand-in as a process, until SIGTERM or SIGINT.

When it listens it writes one line of JSON with ``endpoint``, ``connection_string``, ``control_url`` and
``pid`` to the ready file, where one is named, and then prints it.
"""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from localcloud.servicebus import WELL_KNOWN_KEY, WELL_KNOWN_KEY_NAME, QueueSettings, ServiceBusServer
from localcloud.serving import announce, spare_the_collector


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m localcloud.servicebus", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="TCP port for AMQP; 0 takes a free one")
    parser.add_argument("--control-port", type=int, default=0, help="TCP port of the control path")
    parser.add_argument("--key-name", default=WELL_KNOWN_KEY_NAME, help="of the shared access policy")
    parser.add_argument("--key", default=WELL_KNOWN_KEY, help="of the shared access policy")
    parser.add_argument("--tier", choices=("standard", "premium"), default="standard")
    parser.add_argument("--directory", type=Path, help="where state is kept over a restart")
    parser.add_argument(
        "--queue", action="append", default=[], help="a queue to create where it is missing"
    )
    parser.add_argument("--ready-file", type=Path, help="written once it listens")
    return parser.parse_args()


def _server(arguments: argparse.Namespace) -> ServiceBusServer:
    server = ServiceBusServer(
        arguments.host,
        arguments.port,
        control_port=arguments.control_port,
        key_name=arguments.key_name,
        key=arguments.key,
        tier=arguments.tier,
        directory=arguments.directory,
    )
    for name in arguments.queue:
        if name not in server.queues():
            server.create_queue(name, QueueSettings())
    return server


async def _serve(arguments: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = _server(arguments)
    await server.start()
    try:
        announce(
            {
                "endpoint": server.endpoint,
                "connection_string": server.connection_string,
                "control_url": server.control_url,
            },
            arguments.ready_file,
        )
        await stopped.wait()
    finally:
        await server.stop()


def main() -> None:
    """Run until a signal says stop; exit status 1 with a sentence when a port is taken."""
    spare_the_collector()
    try:
        asyncio.run(_serve(_arguments()))
    except OSError as error:
        sys.exit(f"cannot listen: {error}")


if __name__ == "__main__":
    main()
