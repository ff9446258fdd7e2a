"""What proxies before other servers share: bodies of any size are streamed through, byte for byte.

Here are also the two ways in which a call may end without an answer: the server behind is lost, or the
connection to the caller is to be reset.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

__all__ = [
    "Passthrough",
    "ResetError",
    "UpstreamLostError",
    "awaits",
    "chunks",
    "invite",
    "kept",
    "reset",
    "stream",
]

_CHUNK_BYTES = 256 * 1024
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "expect"})


class ResetError(Exception):
    """The connection to the caller is to be reset."""


class UpstreamLostError(ConnectionError):
    """The server behind is not there, or went away; whether the call took effect is unknown."""


class Passthrough:
    """Sends a request on as it came: raw path, headers, body as it is read."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            read_bufsize=_CHUNK_BYTES,
        )

    @asynccontextmanager
    async def opened(
        self, request: web.BaseRequest, body: bytes | AsyncIterator[bytes] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Pass a request on, with its own body unless told, and give the reply with its body unread.

        Raises:
            UpstreamLostError: the server is away, or went away.
        """
        wanted = body if body is not None else request.content if request.body_exists else None
        url = URL(self._url + request.raw_path, encoded=True)
        try:
            async with self._session.request(
                request.method,
                url,
                headers=kept(request.headers),
                data=wanted,
                allow_redirects=False,
            ) as reply:
                yield reply
        except aiohttp.ClientError as error:
            raise UpstreamLostError(str(error)) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


def awaits(request: web.BaseRequest) -> bool:
    """Tell whether a caller sends the body of a request only when told to."""
    return request.headers.get("Expect", "").lower() == "100-continue"


def invite(request: web.BaseRequest) -> None:
    """Tell a caller who waits for it that the body is wanted."""
    if awaits(request) and request.transport:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


async def chunks(request: web.BaseRequest) -> AsyncIterator[bytes]:
    """Yield the body of a request as it comes."""
    async for chunk in request.content.iter_any():
        yield chunk


async def stream(
    request: web.BaseRequest,
    reply: aiohttp.ClientResponse,
    headers: CIMultiDict[str],
    bytes_max: int | None = None,
) -> web.StreamResponse:
    """Send a reply back as it comes.

    Args:
        request: whom to answer.
        reply: of the server behind.
        headers: what to send of its headers.
        bytes_max: after how many bytes of the body to break off; None for never.

    Raises:
        ResetError: it is broken off here.
        UpstreamLostError: the server went away.
    """
    response = web.StreamResponse(status=reply.status, reason=reply.reason, headers=headers)
    await response.prepare(request)
    if request.method != "HEAD":
        left = bytes_max
        async for chunk in reply.content.iter_chunked(_CHUNK_BYTES):
            await response.write(chunk if left is None else chunk[:left])
            if left is not None:
                left -= len(chunk)
                if left <= 0:
                    raise ResetError
    await response.write_eof()
    return response


def kept(headers: "aiohttp.typedefs.LooseHeaders") -> CIMultiDict[str]:
    """Return the headers that are about the message and not about the connection."""
    pairs = CIMultiDict(headers)
    for name in _HOP_BY_HOP:
        pairs.popall(name, None)
    return pairs


def reset(transport: asyncio.Transport | None) -> None:
    """Break a connection as a broken peer does: RST instead of a polite end."""
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
