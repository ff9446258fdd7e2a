"""The server: listens, puts the parts together, and answers what the thin way does not take."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import orjson
from aiohttp import web

from localcloud.aws.clock import Clock
from localcloud.aws.control import PREFIX, Control
from localcloud.aws.errors import AwsError, validation
from localcloud.aws.faults import Faults
from localcloud.aws.feeds import Feeds
from localcloud.aws.kept import Kept
from localcloud.aws.messages import Call, Reply, refusal, reply_json
from localcloud.aws.narrow import Connection
from localcloud.aws.objects.gaps import Gaps
from localcloud.aws.objects.notifications import Notifications
from localcloud.aws.queues.queues import Queues
from localcloud.aws.shaping import Shaping
from localcloud.aws.streams import Streams
from localcloud.aws.timetolive import TimeToLive
from localcloud.aws.upstream import Upstream
from localcloud.aws.wide import Wide, head_of, response_of
from localcloud.passthrough import Passthrough, ResetError, UpstreamLostError, reset

__all__ = ["AwsServer"]

SHARDS = 4
"""With how many shards a stream begins unless told: several, and few enough to look at."""

_HEADER_BYTES_MAX = 64 * 1024
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
        passthrough = Passthrough(self._upstream_url)
        self._feeds = Feeds(upstream, clock, self._directory, self._shards)
        self._time_to_live = TimeToLive(upstream, self._feeds, clock, self._file("time-to-live.json"))
        faults = Faults()
        streams = Streams(upstream, self._feeds, clock)
        notifications = Notifications(upstream, clock, Kept(self._file("notifications.json")))
        queues = Queues(upstream, clock)
        self._control = Control(
            clock, faults, self._feeds, streams, self._time_to_live, notifications, queues
        )
        self._wide = Wide(passthrough, faults, notifications, Gaps(upstream))
        self._shaping = Shaping(upstream, self._feeds, streams, self._time_to_live, faults, queues)
        for part in (upstream, passthrough, self._feeds, notifications.deliveries):
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
                return response_of(await self._controlled(request))
            if call := await _call(request):
                return response_of(await self._shaping.answer(call))
            return await self._wide.answer(request)
        except AwsError as error:
            return response_of(refusal(error))
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


async def _call(request: web.BaseRequest) -> Call | None:
    # The same calls as the thin way takes, on a connection that was handed over, or sent in chunks.
    if "X-Amz-Target" not in request.headers:
        return None
    body = await request.content.read()
    head = head_of(request, len(body))
    return Call.parse(head + body, len(head))


def _abort(connections: set[Connection]) -> None:
    for connection in list(connections):
        if connection.transport is not None:
            connection.transport.abort()
