"""The wide way to ministack: bodies of any size are streamed through, both ways, byte for byte."""

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from localcloud.aws.upstream import UpstreamLostError

__all__ = ["Passthrough"]

_CHUNK_BYTES = 256 * 1024
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "expect"})


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

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Pass a request on and stream the reply back.

        Raises:
            UpstreamLostError: ministack is away, or went away.
        """
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = request.content if request.body_exists else None
        url = URL(self._url + request.raw_path, encoded=True)
        try:
            async with self._session.request(
                request.method, url, headers=_kept(request.headers), data=body, allow_redirects=False
            ) as reply:
                return await _stream(request, reply)
        except aiohttp.ClientError as error:
            raise UpstreamLostError(str(error)) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


async def _stream(request: web.BaseRequest, reply: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, reason=reply.reason, headers=_kept(reply.headers))
    await response.prepare(request)
    if request.method != "HEAD":
        async for chunk in reply.content.iter_chunked(_CHUNK_BYTES):
            await response.write(chunk)
    await response.write_eof()
    return response


def _kept(headers: "aiohttp.typedefs.LooseHeaders") -> CIMultiDict[str]:
    pairs = CIMultiDict(headers)
    for name in _HOP_BY_HOP:
        pairs.popall(name, None)
    return pairs
