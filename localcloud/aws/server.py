"""The server: takes a request, finds who answers it, and sends the reply."""

import asyncio
import socket
import struct
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import orjson
from aiohttp import web

from localcloud.aws.clock import Clock
from localcloud.aws.control import PREFIX, Control
from localcloud.aws.errors import AwsError
from localcloud.aws.faults import Faults, ResetError, inflict
from localcloud.aws.feeds import Feeds
from localcloud.aws.messages import Call, Reply, refusal, reply_json
from localcloud.aws.passthrough import Passthrough
from localcloud.aws.streams import Streams
from localcloud.aws.timetolive import OPERATIONS, TimeToLive
from localcloud.aws.upstream import Upstream, UpstreamLostError

__all__ = ["AwsServer"]

SHARDS = 4
"""With how many shards a stream begins unless told: several, and few enough to look at."""

_SERVICES = {
    "DynamoDB_20120810": "dynamodb",
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "AmazonSQS": "sqs",
}
_READS = ("Get", "Query", "Scan", "BatchGet", "TransactGet", "Describe", "List")
_HEADER_BYTES_MAX = 64 * 1024


class Verbatim(web.StreamResponse):
    """A response sent as the bytes that came; to take it apart and build it again would cost too much."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(status=reply.status)
        self._raw = reply.raw

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection stays open: as the caller asked."""
        return self._keeps_alive

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send the bytes."""
        self._keeps_alive = request.keep_alive
        if request.transport is not None:
            request.transport.write(self._raw)

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: everything is sent."""


class AwsServer:
    """The shaping proxy, as an object; use it as an async context manager.

    Args:
        upstream_url: where ministack listens.
        directory: where the shape of streams and time to live is kept over a restart; None keeps nothing.
        shards: with how many shards a stream begins.
        port: on loopback; 0 takes a free one, and `endpoint` tells.
    """

    def __init__(
        self, upstream_url: str, *, directory: Path | None = None, shards: int = SHARDS, port: int = 0
    ) -> None:
        self._upstream_url, self._directory, self._shards, self._port = (
            upstream_url,
            directory,
            shards,
            port,
        )
        self._stack = AsyncExitStack()
        self.endpoint = ""

    async def __aenter__(self) -> Self:
        clock = Clock()
        self._upstream = Upstream(self._upstream_url)
        self._passthrough = Passthrough(self._upstream_url)
        self._feeds = Feeds(self._upstream, clock, self._directory, self._shards)
        settings = self._directory / "time-to-live.json" if self._directory else None
        self._time_to_live = TimeToLive(self._upstream, self._feeds, clock, settings)
        self._streams = Streams(self._upstream, self._feeds, clock)
        self._faults = Faults()
        self._control = Control(clock, self._faults, self._feeds, self._streams, self._time_to_live)
        self._stack.push_async_callback(self._upstream.close)
        self._stack.push_async_callback(self._passthrough.close)
        self._stack.push_async_callback(self._feeds.close)
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def serve(self) -> None:
        """Keep streams read and items expiring until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._feeds.keep_read(), name="feeds")
            tasks.create_task(self._time_to_live.keep_expiring(), name="time to live")

    async def _listen(self) -> None:
        server = web.Server(
            self._answer,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=75.0,
            max_line_size=_HEADER_BYTES_MAX,
            max_field_size=_HEADER_BYTES_MAX,
        )
        runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", self._port).start()
        host, port = runner.addresses[0][:2]
        self.endpoint = f"http://{host}:{port}"

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            if request.raw_path.startswith(PREFIX):
                return Verbatim(await self._controlled(request))
            if "X-Amz-Target" in request.headers:
                return Verbatim(await self._answer_call(await _read(request)))
            return await self._answer_wide(request)
        except AwsError as error:
            return Verbatim(refusal(error))
        except (UpstreamLostError, ResetError):
            _reset(request)
            return web.Response(status=500)

    async def _controlled(self, request: web.BaseRequest) -> Reply:
        body = await request.content.read()
        path = request.path.removeprefix(PREFIX)
        document = await self._control.answer(request.method, path, orjson.loads(body or b"{}"))
        return reply_json(orjson.dumps(document))

    async def _answer_call(self, call: Call) -> Reply:
        rule = self._faults.take(call)
        return await (inflict(rule, call, self._shaped) if rule else self._shaped(call))

    async def _shaped(self, call: Call) -> Reply:
        if call.service == "dynamodbstreams":
            try:
                return await self._streams.answer(call)
            except AwsError as error:
                return refusal(error)
        if call.operation in OPERATIONS:
            return await self._time_to_live.answer(call, *_scope(call))
        if call.service != "dynamodb" or call.operation.startswith(_READS):
            return await self._upstream.exchange(call)
        return await self._write(call)

    async def _write(self, call: Call) -> Reply:
        try:
            reply = await self._upstream.exchange(call)
        finally:
            # Also where the reply was lost: the write may have happened.
            self._feeds.count_write()
        if call.operation == "DeleteTable" and reply.status < 400:
            self._time_to_live.forget(orjson.loads(call.body)["TableName"], *_scope(call))
        return reply

    async def _answer_wide(self, request: web.BaseRequest) -> web.StreamResponse:
        async def passed(_: Call) -> web.StreamResponse | Reply:
            return await self._passthrough.answer(request)

        service = "s3" if "/s3/" in request.headers.get("Authorization", "/s3/") else "other"
        call = Call(service, request.method, request.method, request.raw_path, (), b"")
        rule = self._faults.take(call)
        answer = await (inflict(rule, call, passed) if rule else passed(call))
        return Verbatim(answer) if isinstance(answer, Reply) else answer


async def _read(request: web.BaseRequest) -> Call:
    prefix, _, operation = request.headers["X-Amz-Target"].partition(".")
    return Call(
        _SERVICES.get(prefix, prefix.lower()),
        operation,
        request.method,
        request.raw_path,
        request.raw_headers,
        await request.content.read(),
    )


def _scope(call: Call) -> tuple[str, str]:
    # As ministack does: the account is the access key where that has twelve digits.
    authorization = next((v for k, v in call.headers if k.lower() == b"authorization"), b"").decode()
    key, _, region, *_ = (authorization.partition("Credential=")[2] + "////").split("/")
    return (key if key.isdecimal() and len(key) == 12 else "000000000000"), region or "us-east-1"


def _reset(request: web.BaseRequest) -> None:
    if request.transport is None:
        return
    connection = request.transport.get_extra_info("socket")
    # Closing without lingering sends RST, as a broken peer does, instead of a polite end.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
