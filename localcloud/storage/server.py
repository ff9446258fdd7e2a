"""The server: passes calls on to Azurite between the faults that befall them."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any, Self
from uuid import uuid4

import orjson
from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from localcloud.passthrough import Passthrough, ResetError, UpstreamLostError, chunks, kept, reset, stream
from localcloud.storage.faults import Fault, Faults

__all__ = ["PREFIX", "StorageServer"]

PREFIX = "/_local/"
"""``GET faults`` shows the rules, ``POST`` adds one or a list, ``DELETE`` drops all; ``GET counts``."""

_RULES = TypeAdapter(list[Fault])
_HEADER_BYTES_MAX = 64 * 1024
# Longer than any client keeps a connection idle, so that none is closed under a call on its way.
_KEEP_ALIVE_SECONDS = 3600.0


class StorageServer:
    """A proxy before the blob port of Azurite; an async context manager, or `start` and `stop`.

    Args:
        upstream_url: where Azurite takes calls about blobs, without an account.
        host: address to listen on.
        port: TCP port; 0 takes a free one.
    """

    def __init__(self, upstream_url: str, host: str = "127.0.0.1", port: int = 0) -> None:
        self.faults = Faults()
        self._upstream_url, self._host, self._port = upstream_url, host, port
        self._counts: Counter[str] = Counter()
        self._runner: web.ServerRunner | None = None
        self._passthrough: Passthrough | None = None

    @property
    def endpoint(self) -> str:
        """Where clients reach it, without an account; fixed once it is started."""
        return f"http://{self._host}:{self._port}"

    @property
    def counts(self) -> Mapping[str, int]:
        """How many calls Azurite answered, by method and status, such as ``PUT 201``."""
        return dict(self._counts)

    def connection_string(self, original: str) -> str:
        """Return a connection string of Azurite with this proxy as its blob endpoint."""
        parts = [part for part in original.split(";") if part]
        names = dict(part.split("=", 1) for part in parts)
        names["BlobEndpoint"] = f"{self.endpoint}/{names['AccountName']}"
        return ";".join(f"{name}={value}" for name, value in names.items())

    def add_fault(self, fault: Fault) -> Fault:
        """Put a fault rule in force."""
        return self.faults.add(fault)

    def clear_faults(self) -> None:
        """Drop all fault rules."""
        self.faults.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; returns when clients can connect.

        Raises:
            OSError: the port is taken.
        """
        self._passthrough = Passthrough(self._upstream_url)
        server = web.Server(
            self._handle,
            auto_decompress=False,
            keepalive_timeout=_KEEP_ALIVE_SECONDS,
            max_line_size=_HEADER_BYTES_MAX,
            max_field_size=_HEADER_BYTES_MAX,
        )
        self._runner = web.ServerRunner(server, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, backlog=1024).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port and all connections."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        if self._passthrough is not None:
            await self._passthrough.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.raw_path.startswith(PREFIX):
            return await self._controlled(request)
        faults = self.faults.strike(request.method, request.raw_path)
        try:
            refused = await _suffer(faults, "before")
            if refused is None:
                return await self._pass(request, faults)
            # Read first, as the service does: who is still sending would see a broken connection.
            async for _ in chunks(request):
                pass
            return _refusal(refused)
        except (ResetError, UpstreamLostError):
            reset(request.transport)
            return web.Response(status=500)

    async def _pass(self, request: web.BaseRequest, faults: list[Fault]) -> web.StreamResponse:
        if self._passthrough is None:
            raise UpstreamLostError("stopped")
        async with self._passthrough.opened(request) as reply:
            self._counts[f"{request.method} {reply.status}"] += 1
            refused = await _suffer(faults, "after")
            if refused is not None:
                return _refusal(refused)
            cuts = [fault.bytes for fault in faults if fault.kind == "cut"]
            return await stream(request, reply, kept(reply.headers), min(cuts, default=None))
        raise AssertionError("an open reply swallows nothing")

    async def _controlled(self, request: web.BaseRequest) -> web.Response:
        path = request.path.removeprefix(PREFIX)
        if path == "counts":
            return _json(self.counts)
        if path != "faults":
            return _json({"message": f"no control path {path}"}, 404)
        try:
            if request.method == "POST":
                value = orjson.loads(await request.content.read())
                for rule in _RULES.validate_python(value if isinstance(value, list) else [value]):
                    self.faults.add(rule)
        except (ValidationError, orjson.JSONDecodeError) as error:
            return _json({"message": str(error)}, 400)
        if request.method == "DELETE":
            self.faults.clear()
        return _json([rule.model_dump() for rule in self.faults.rules])


async def _suffer(faults: list[Fault], when: str) -> Fault | None:
    for fault in faults:
        if fault.when != when or fault.kind == "cut":
            continue
        if fault.kind == "delay":
            await asyncio.sleep(fault.delay_seconds)
        elif fault.kind == "reset":
            raise ResetError
        else:
            return fault
    return None


def _refusal(fault: Fault) -> web.Response:
    headers = {"x-ms-error-code": fault.code, "x-ms-request-id": str(uuid4())}
    if fault.retry_after_seconds is not None:
        headers["Retry-After"] = str(fault.retry_after_seconds)
    message = f"<Code>{fault.code}</Code><Message>A fault rule</Message>"
    body = f'<?xml version="1.0" encoding="utf-8"?><Error>{message}</Error>'
    return web.Response(
        status=fault.status, body=body.encode(), content_type="application/xml", headers=headers
    )


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json")
