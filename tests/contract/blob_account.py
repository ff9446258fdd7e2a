"""A container of a Blob Storage account for the sink's tests, and a front that makes the service misbehave.

The account is Azurite's, or the real one of AZURE_STORAGE_CONNECTION_STRING with
``REPLICATOR_TEST_CLOUDS=real``; tests that put the front before it are skipped there.
"""

import asyncio
import contextlib
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob.aio import ContainerClient
from yarl import URL

from connectors.blob import connector
from replicator.connector import Context
from replicator.model.record import Object

REAL = os.environ.get("REPLICATOR_TEST_CLOUDS") == "real"
VARIABLE = "BLOB_TEST_CONNECTION"


class Body:
    """A body of these bytes in chunks; ``fault`` is raised after ``fault_after`` bytes."""

    def __init__(self, data, *, chunk_bytes=1 << 20, fault=None, fault_after=0, version="v1", **described):
        self.record = Object(len(data), version, **described)
        self.data, self.chunk_bytes = data, chunk_bytes
        self.fault, self.fault_after = fault, fault_after

    async def chunks(self):
        for start in range(0, len(self.data), self.chunk_bytes):
            if self.fault is not None and start >= self.fault_after:
                raise self.fault
            yield self.data[start : start + self.chunk_bytes]


class Container:
    """One container, for one test; ``sdk`` is the vendor's client, which goes behind the sink's back."""

    def __init__(self, connection_string, monkeypatch):
        self.connection_string, self.name = connection_string, f"replicator-test-{uuid4().hex[:12]}"
        self.sdk = ContainerClient.from_connection_string(connection_string, self.name, retry_total=0)
        self.endpoint = re.search("BlobEndpoint=([^;]*)", connection_string)
        monkeypatch.setenv(VARIABLE, connection_string)
        self._monkeypatch, self._opened = monkeypatch, contextlib.AsyncExitStack()

    def sink(self, *, call_seconds_max=10.0, **settings):
        """A sink into the container; closed with it."""
        settings = {"connection_string_env": VARIABLE, "container": self.name} | settings
        validated = connector.sink_settings.model_validate(settings)
        sink = connector.open_sink(validated, Context("invoices", call_seconds_max))
        self._opened.push_async_callback(sink.close)
        return sink

    async def connected(self, **settings):
        """A sink that is connected."""
        sink = self.sink(**settings)
        await sink.connect()
        return sink

    async def front(self):
        """A front before the service, which every sink opened from now on goes through."""
        if REAL:
            pytest.skip("scripts the service")
        front = await self._opened.enter_async_context(front_of(URL(self.endpoint[1]).origin()))
        through = self.endpoint[1].replace(str(URL(self.endpoint[1]).origin()), front.url)
        self._monkeypatch.setenv(VARIABLE, self.connection_string.replace(self.endpoint[1], through))
        return front

    async def close(self):
        """Close the sinks and delete the container."""
        await self._opened.aclose()
        with contextlib.suppress(ResourceNotFoundError):
            await self.sdk.delete_container()


@contextlib.asynccontextmanager
async def container(connection_string, monkeypatch):
    """A container that is there and empty."""
    made = Container(connection_string, monkeypatch)
    async with made.sdk:
        await made.sdk.create_container()
        try:
            yield made
        finally:
            await made.close()


@dataclass
class Fault:
    """What happens to calls of one operation, so many times.

    ``kind`` is ``status`` (an answer of ours), ``reset`` (the connection breaks), ``stall`` (no answer),
    ``damage`` (its first byte changes on the way) or ``hold`` (it goes through once ``release`` is set).
    ``after``: the service has done it by then.
    """

    operation: str
    kind: str = "status"
    status: int = 503
    code: str = ""
    headers: dict = field(default_factory=dict)
    text: str = ""
    after: bool = False
    count: int = 1
    release: asyncio.Event = field(default_factory=asyncio.Event)


class Front:
    """Forwards every call, but for those that a fault meets; ``calls`` counts them by operation."""

    def __init__(self, upstream, session):
        self.upstream, self.session, self.url = upstream, session, ""
        self.faults, self.calls, self.seen = [], Counter(), []
        self.changed = asyncio.Condition()

    def add(self, operation, **told):
        """Let something happen to coming calls of this operation."""
        self.faults.append(Fault(operation, **told))
        return self.faults[-1]

    async def wait_for(self, operation, count):
        """Return once so many calls of this operation have come."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.calls[operation] >= count)

    async def handle(self, request):
        operation = operation_of(request)
        self.seen.append((operation, dict(request.headers), dict(request.query)))
        async with self.changed:
            self.calls[operation] += 1
            self.changed.notify_all()
        fault = next((each for each in self.faults if each.operation == operation and each.count), None)
        if fault is None:
            return await self.forward(request)
        fault.count -= 1
        answer = await self.forward(request) if fault.after else None
        if fault.kind == "damage":
            return await self.forward(request, damage=True)
        if fault.kind == "hold":
            await fault.release.wait()
            return answer or await self.forward(request)
        if fault.kind == "stall":
            await fault.release.wait()
        if fault.kind in {"reset", "stall"}:
            request.transport.abort()
            return web.Response()
        await request.content.read()
        headers = {"x-ms-error-code": fault.code} | fault.headers
        return web.Response(status=fault.status, headers=headers, text=fault.text)

    async def forward(self, request, *, damage=False):
        url = URL(f"{self.upstream}{request.raw_path}", encoded=True)
        skip = {"Host", "Transfer-Encoding"}
        headers = {name: value for name, value in request.headers.items() if name not in skip}
        data = await request.content.read()
        if damage:
            data = bytes([data[0] ^ 1]) + data[1:]
        async with self.session.request(request.method, url, headers=headers, data=data) as answer:
            kept = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in {"connection", "keep-alive", "transfer-encoding", "content-length"}
            }
            body = await answer.read()
            if request.method == "HEAD":
                kept["Content-Length"] = answer.headers.get("Content-Length", "0")
            return web.Response(status=answer.status, headers=kept, body=body)


def operation_of(request):
    """The name of a call: put, block, commit, tags, list, get, head, delete, container or account."""
    named = {"block": "block", "blocklist": "commit", "tags": "tags", "list": "list"}
    if request.query.get("comp") in named:
        return named[request.query["comp"]]
    return request.query.get("restype") or request.method.lower()


@contextlib.asynccontextmanager
async def front_of(upstream):
    """A front on a free port of loopback."""
    async with aiohttp.ClientSession(
        auto_decompress=False, skip_auto_headers=("Content-Type", "Accept-Encoding")
    ) as session:
        front = Front(upstream, session)
        server = web.Server(front.handle)
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        front.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        yield front
        for fault in front.faults:
            fault.release.set()
        await runner.cleanup()
