"""The HTTP server: connections, fault rules, and the control path beside the service's own."""

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from localcloud.cosmos import keeping
from localcloud.cosmos.account import Account
from localcloud.cosmos.address import parse_address
from localcloud.cosmos.auth import WELL_KNOWN_KEY, Authenticator
from localcloud.cosmos.control import CONTROL_PREFIX, Control
from localcloud.cosmos.errors import RefusedError, too_large
from localcloud.cosmos.exchange import Call, Reply, refusal_reply
from localcloud.cosmos.faults import Fault, Faults
from localcloud.cosmos.service import Service, with_common_headers

# A little more than an item's or a batch's 2 MB, so that the service itself refuses those.
REQUEST_BYTES_MAX = 4 * 1024 * 1024
# Longer than any client keeps a connection idle, so that none is closed under a call on its way.
KEEP_ALIVE_SECONDS = 3600.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _BrokenError(Exception):
    """The connection of a call was broken on purpose."""


class CosmosServer:
    """An account of Azure Cosmos DB for NoSQL on a local port, over plain HTTP, held in memory.

    What it holds goes to a file, and comes from there, only when told to (`keep`, `restore`).

    Args:
        host: address to listen on.
        port: TCP port; 0 takes a free one.
        key: master key, base64; calls signed with another are refused with 401.
        ranges: physical ranges of each new container.
        clock: returns seconds since the epoch; drives ``_ts``, TTL and throughput.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        key: str = WELL_KNOWN_KEY,
        ranges: int = 4,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.key = key
        self.faults = Faults()
        self._host = host
        self._port = port
        self._clock = clock
        self._clock_offset = 0.0
        self._authenticator = Authenticator(key)
        self._account = Account(ranges, self.now)
        self._service = Service(self._account, lambda: self.endpoint)
        self._control = Control(self.faults, self.advance_clock, lambda: self.counts, self.split)
        self._runner: web.ServerRunner | None = None

    @property
    def endpoint(self) -> str:
        """Where clients reach it, such as ``http://127.0.0.1:8081/``; fixed once it is started."""
        return f"http://{self._host}:{self._port}/"

    @property
    def counts(self) -> Mapping[str, int]:
        """How many calls were answered, by operation and status, such as ``upsert 201``."""
        return dict(self._service.counts)

    def now(self) -> float:
        """Return the server's time, in seconds since the epoch."""
        return self._clock() + self._clock_offset

    def advance_clock(self, seconds: float) -> None:
        """Move the server's time ahead, as if ``seconds`` had passed."""
        self._clock_offset += seconds

    def split(self, database: str, container: str, identifier: str | None = None) -> tuple[str, str]:
        """Split a physical range in two, the fullest where none is named; return the ids of the two.

        Calls with the old id are refused with 410 and substatus 1002 from now on.

        Raises:
            RefusedError: there is no such container or range, or it holds too little.
        """
        first, second = self._account.existing_container(database, container).split(identifier)
        return first.identifier, second.identifier

    def add_fault(self, fault: Fault) -> Fault:
        """Put a fault rule in force."""
        return self.faults.add(fault)

    def clear_faults(self) -> None:
        """Drop all fault rules."""
        self.faults.clear()

    def keep(self, path: Path) -> None:
        """Write what the account holds to a file."""
        keeping.save(self._account, path)

    def restore(self, path: Path) -> None:
        """Hold what was kept; nothing changes where nothing was."""
        keeping.load(self._account, path)

    async def start(self) -> None:
        """Listen; returns when clients can connect.

        Raises:
            OSError: the port is taken.
        """
        server = web.Server(self._handle, request_factory=_request, keepalive_timeout=KEEP_ALIVE_SECONDS)
        runner = web.ServerRunner(server, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port, backlog=1024)
        await site.start()
        self._runner = runner
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port and all connections; what it held stays, for another ``start``."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            body = await _body_of(request)
            if request.raw_path.startswith(CONTROL_PREFIX):
                return _response(self._control.serve(request.method, request.raw_path, body))
            address = parse_address(request.raw_path)
            call = Call(request.method, address, request.headers, body)
            return _response(await self._answer(call, request))
        except _BrokenError:
            # Nobody is there to read it any more.
            return web.Response()
        except RefusedError as refusal:
            return _response(with_common_headers(refusal_reply(refusal), request.headers, 0.0))

    async def _answer(self, call: Call, request: web.BaseRequest) -> Reply:
        """Serve a call between the faults that befall it."""
        faults = self.faults.strike(call)
        await _suffer(faults, "before", request)
        headers = call.headers
        self._authenticator.verify(
            call.verb, call.address, headers.get("x-ms-date", ""), headers.get("authorization", "")
        )
        reply = self._service.serve(call)
        await _suffer(faults, "after", request)
        return reply


async def _suffer(faults: list[Fault], when: str, request: web.BaseRequest) -> None:
    for fault in faults:
        if fault.when != when:
            continue
        if fault.kind == "delay":
            await asyncio.sleep(fault.delay_seconds)
        elif fault.kind == "status":
            raise fault.refusal()
        else:
            _reset(request)


def _reset(request: web.BaseRequest) -> None:
    """Break the connection so that the caller sees it reset, and end the call."""
    transport = request.transport
    if transport is not None:
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    raise _BrokenError


async def _body_of(request: web.BaseRequest) -> bytes:
    if not request.can_read_body:
        return b""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_large("The request is larger than any that the service takes") from None


def _response(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


def _request(*parts: Any) -> web.BaseRequest:
    message, payload, protocol, writer, task = parts
    loop = asyncio.get_running_loop()
    return web.BaseRequest(
        message, payload, protocol, writer, task, loop, client_max_size=REQUEST_BYTES_MAX
    )
