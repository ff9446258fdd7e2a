"""The server: listens, puts the parts together, and answers what the thin way does not take."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import aiohttp
import orjson
from aiohttp import web
from multidict import CIMultiDict

from localcloud.aws.clock import Clock
from localcloud.aws.control import PREFIX, Control
from localcloud.aws.errors import AwsError, validation
from localcloud.aws.faults import Faults, ResetError, inflict
from localcloud.aws.feeds import Feeds
from localcloud.aws.kept import Kept
from localcloud.aws.messages import Call, Reply, refusal, reply_json
from localcloud.aws.narrow import Connection, reset
from localcloud.aws.objects.notifications import Notifications
from localcloud.aws.passthrough import Passthrough, awaits, invite, stream, whole
from localcloud.aws.queues.queues import Queues
from localcloud.aws.shaping import Shaping
from localcloud.aws.streams import Streams
from localcloud.aws.timetolive import TimeToLive
from localcloud.aws.upstream import Upstream, UpstreamLostError

__all__ = ["AwsServer"]

SHARDS = 4
"""With how many shards a stream begins unless told: several, and few enough to look at."""

_HEADER_BYTES_MAX = 64 * 1024
_FRAMING = frozenset({b"connection", b"content-length", b"expect", b"transfer-encoding"})
_SHUTDOWN_SECONDS_MAX = 1.0


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
        self._upstream_url, self._directory = upstream_url, directory
        self._shards, self._port = shards, port
        self._stack = AsyncExitStack()
        self.endpoint = ""

    async def __aenter__(self) -> Self:
        clock = Clock()
        upstream = Upstream(self._upstream_url)
        self._passthrough = Passthrough(self._upstream_url)
        self._feeds = Feeds(upstream, clock, self._directory, self._shards)
        self._time_to_live = TimeToLive(upstream, self._feeds, clock, self._file("time-to-live.json"))
        self._faults = Faults()
        streams = Streams(upstream, self._feeds, clock)
        self._notifications = Notifications(upstream, clock, Kept(self._file("notifications.json")))
        queues = Queues(upstream, clock)
        self._control = Control(
            clock, self._faults, self._feeds, streams, self._time_to_live, self._notifications, queues
        )
        self._shaping = Shaping(upstream, self._feeds, streams, self._time_to_live, self._faults, queues)
        for part in (upstream, self._passthrough, self._feeds, self._notifications.deliveries):
            self._stack.push_async_callback(part.close)
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def serve(self) -> None:
        """Keep streams read and items expiring until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._feeds.keep_read(), name="feeds")
            tasks.create_task(self._time_to_live.keep_expiring(), name="time to live")

    def _file(self, name: str) -> Path | None:
        return self._directory / name if self._directory else None

    async def _listen(self) -> None:
        general = web.Server(
            self._answer,
            access_log=None,
            auto_decompress=False,
            max_line_size=_HEADER_BYTES_MAX,
            max_field_size=_HEADER_BYTES_MAX,
        )
        self._stack.push_async_callback(general.shutdown, _SHUTDOWN_SECONDS_MAX)
        connections: set[Connection] = set()
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._shaping.answer, general, connections), "127.0.0.1", self._port
        )
        self._stack.callback(_abort, connections)
        self._stack.callback(server.close)
        self.endpoint = "http://{}:{}".format(*server.sockets[0].getsockname())

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            if request.raw_path.startswith(PREFIX):
                return _response(await self._controlled(request))
            if call := await _call(request):
                return _response(await self._shaping.answer(call))
            return await self._answer_wide(request)
        except AwsError as error:
            return _response(refusal(error))
        except (UpstreamLostError, ResetError):
            reset(request.transport)
            return web.Response(status=500)

    async def _controlled(self, request: web.BaseRequest) -> Reply:
        body = await request.content.read()
        path = request.path.removeprefix(PREFIX)
        try:
            document = await self._control.answer(request.method, path, orjson.loads(body or b"{}"))
        except (KeyError, TypeError, ValueError) as error:
            raise validation(f"the body of {path}: {error!r}") from error
        return reply_json(orjson.dumps(document))

    async def _answer_wide(self, request: web.BaseRequest) -> web.StreamResponse:
        call = _wide_call(request)
        rule = self._faults.take(call)
        async with AsyncExitStack() as stack:

            async def passed(call: Call) -> aiohttp.ClientResponse | Reply:
                invite(request)
                if not self._notifications.concern(call):
                    return await stack.enter_async_context(self._passthrough.opened(request))
                streamed = call.operation == "PUT" and call.about and call.about.operation == "PutObject"
                sent = b"" if streamed else await request.content.read()

                async def forward() -> Reply:
                    body = None if streamed else sent
                    async with self._passthrough.opened(request, body) as reply:
                        return await whole(reply)

                return await self._notifications.exchange(call, sent, forward)

            answer = await (inflict(rule, call, passed) if rule else passed(call))
            if isinstance(answer, Reply):
                response = _response(answer)
                if rule and awaits(request):
                    # Not invited, its body will never come, so nothing can follow on this connection.
                    response.force_close()
                return response
            return await stream(request, answer, rule.bytes if rule and rule.kind == "cut_after" else None)
        raise AssertionError("an exit stack swallows nothing")


def _wide_call(request: web.BaseRequest) -> Call:
    head = _head_of(request)
    if "/s3/" in request.headers.get("Authorization", "/s3/"):
        return Call.of_objects(head, len(head))
    return Call("other", request.method, head, len(head))


def _head_of(request: web.BaseRequest, length: int | None = None) -> bytes:
    # With a length, that of a request which is now at hand whole; else as it came.
    dropped = _FRAMING if length is not None else frozenset[bytes]()
    lines = [f"{request.method} {request.raw_path} HTTP/1.1".encode("latin-1")]
    lines += [name + b": " + value for name, value in request.raw_headers if name.lower() not in dropped]
    if length is not None:
        lines.append(b"Content-Length: %d" % length)
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def _call(request: web.BaseRequest) -> Call | None:
    # The same calls as the thin way takes, on a connection that was handed over, or sent in chunks.
    if "X-Amz-Target" not in request.headers:
        return None
    body = await request.content.read()
    head = _head_of(request, len(body))
    return Call.parse(head + body, len(head))


def _abort(connections: set[Connection]) -> None:
    for connection in list(connections):
        if connection.transport is not None:
            connection.transport.abort()


def _response(reply: Reply) -> web.Response:
    lines = reply.raw[: reply.body_at].decode("latin-1").split("\r\n")[1:-2]
    headers = CIMultiDict[str]()
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() not in {"content-length", "connection"}:
            headers.add(name, value.strip())
    return web.Response(status=reply.status, body=reply.body, headers=headers)
