"""The server: two ports, the clock, and what runs on it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from localcloud.servicebus.broker.errors import entity_not_found, unauthorized
from localcloud.servicebus.broker.namespace import Namespace
from localcloud.servicebus.broker.settings import QueueSettings, Tier
from localcloud.servicebus.control import application
from localcloud.servicebus.faults import Fault, Faults
from localcloud.servicebus.journal import FileJournal
from localcloud.servicebus.tokens import (
    WELL_KNOWN_KEY,
    WELL_KNOWN_KEY_NAME,
    Authority,
    connection_string,
    covers,
)
from localcloud.servicebus.wire.connection import Connection
from localcloud.servicebus.wire.hub import Hub

__all__ = ["ServiceBusServer"]

# How late what time makes due may be noticed while nobody asks.
_TICK_SECONDS = 0.05


class ServiceBusServer:
    """A namespace of Azure Service Bus on a local port, over plain TCP, with its control path on another.

    Args:
        host: address to listen on.
        port: TCP port for AMQP; 0 takes a free one.
        control_port: TCP port for the control path; 0 takes a free one.
        key_name: of the shared access policy.
        key: of the shared access policy; tokens signed with another are refused.
        tier: ``standard`` takes messages of 256 KiB, ``premium`` larger ones.
        directory: where state is kept over a restart; None keeps none.
        clock: returns seconds since the epoch; drives locks, schedules and expiry.

    Raises:
        DecodeError: the directory holds something that is no journal.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        control_port: int = 0,
        key_name: str = WELL_KNOWN_KEY_NAME,
        key: str = WELL_KNOWN_KEY,
        tier: Tier = "standard",
        directory: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.faults = Faults()
        self._host, self._port, self._control_port = host, port, control_port
        self._key_name, self._key = key_name, key
        self._clock = clock
        self._clock_offset = self._latest = 0.0
        self._journal = FileJournal(directory) if directory else None
        self._namespace = Namespace(tier, self._now_ms, self._journal)
        self._authority = Authority(key_name, key)
        if self._journal is not None:
            self._journal.open(self._namespace)
        write = self._journal.write if self._journal else lambda: None
        self._hub = Hub(self._namespace, self._authority, self.faults, write)
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._runner: web.AppRunner | None = None
        self._ticking: asyncio.Task[None] | None = None

    @property
    def endpoint(self) -> str:
        """Where clients reach it, such as ``127.0.0.1:5672``; fixed once it is started."""
        return f"{self._host}:{self._port}"

    @property
    def connection_string(self) -> str:
        """What clients are made from."""
        return connection_string(self.endpoint, self._key_name, self._key)

    @property
    def control_url(self) -> str:
        """Where the control path is."""
        return f"http://{self._host}:{self._control_port}"

    @property
    def counts(self) -> Mapping[str, int]:
        """How many operations had which result (``send ok``), and messages went in and out."""
        return dict(self._hub.counts)

    @property
    def tier(self) -> Tier:
        """The tier of the namespace."""
        return self._namespace.tier

    def authorize(self, token: str, path: str) -> None:
        """Refuse a token that does not cover a path.

        Raises:
            RefusedError: unauthorized.
        """
        if not covers({self._authority.verify(token)}, path):
            raise unauthorized(f"The token does not cover '{path}'.")

    def now(self) -> float:
        """Return the server's time in seconds since the epoch; it never goes back."""
        self._latest = max(self._latest, self._clock() + self._clock_offset)
        return self._latest

    def advance_clock(self, seconds: float) -> None:
        """Move the server's time ahead, as if ``seconds`` had passed, and do what that makes due."""
        self._clock_offset += max(seconds, 0.0)
        self._namespace.tick()

    def add_fault(self, fault: Fault) -> Fault:
        """Put a fault rule in force."""
        return self.faults.add(fault)

    def clear_faults(self) -> None:
        """Drop all fault rules."""
        self.faults.clear()

    def queues(self) -> list[str]:
        """Return the names of all queues, in the order they were created."""
        return [queue.path for queue in self._namespace]

    def create_queue(self, name: str, settings: QueueSettings | None = None) -> None:
        """Create a queue.

        Raises:
            RefusedError: there is one of that name, or name or settings are not possible.
        """
        queue = self._namespace.create(name, settings or QueueSettings())
        if self._journal is not None:
            self._journal.queue_set(name, queue.settings)
            self._journal.write()

    def update_queue(self, name: str, **changes: Any) -> None:
        """Change some settings of a queue; receivers of one that lets nobody receive any more are ended.

        Raises:
            RefusedError: there is none, or a setting that is fixed would change.
            pydantic.ValidationError: the settings are out of bounds.
        """
        before = self._namespace.queue(name).settings
        queue = self._namespace.update(
            name, QueueSettings.model_validate({**before.model_dump(), **changes})
        )
        if self._journal is not None:
            self._journal.queue_set(name, queue.settings)
            self._journal.write()
        self._hub.enforce_status(queue)

    def delete_queue(self, name: str) -> None:
        """Delete a queue with its messages; links to it are ended.

        Raises:
            RefusedError: there is none.
        """
        queue = self._namespace.delete(name)
        if self._journal is not None:
            self._journal.queue_deleted(name)
            self._journal.write()
        self._hub.end(queue, entity_not_found(name))

    def describe_queue(self, name: str) -> dict[str, Any]:
        """Return a queue's settings and counts; see `Namespace.describe`.

        Raises:
            RefusedError: there is none.
        """
        return self._namespace.describe(name)

    async def start(self) -> None:
        """Listen; returns when clients can connect.

        Raises:
            OSError: a port is taken.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, self._host, self._port, backlog=1024)
        self._port = self._server.sockets[0].getsockname()[1]
        self._runner = web.AppRunner(application(self), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._control_port).start()
        self._control_port = self._runner.addresses[0][1]
        self._ticking = asyncio.create_task(self._tick(), name="servicebus tick")

    async def stop(self) -> None:
        """Close both ports and all connections; what it held stays, for another ``start``."""
        if self._ticking is not None:
            self._ticking.cancel()
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.abort()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._journal is not None:
            self._journal.write()
        self._server = self._runner = self._ticking = None

    def _now_ms(self) -> int:
        return int(self.now() * 1000)

    def _connect(self) -> Connection:
        connection = Connection(self._hub, self._connections.discard)
        self._connections.add(connection)
        return connection

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self._namespace.tick()
