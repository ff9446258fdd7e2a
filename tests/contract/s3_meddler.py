"""A TCP forwarder that meddles with what a server answers: it breaks connections off, or alters bytes."""

import asyncio
import contextlib
from urllib.parse import urlsplit


class Meddler:
    """Forwards to the server at a URL; every connection takes the next of the meddlings, then ``rest``.

    A meddling is given the bytes that the server has sent so far on its connection and the next ones, and
    returns what goes on instead; None breaks the connection off.
    """

    def __init__(self, url, *meddlings):
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._meddlings = list(meddlings)
        self._tasks = set()
        self.connections = 0
        self.rest = unchanged

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        self.connections += 1
        meddle = self._meddlings.pop(0) if self._meddlings else lambda come, data: self.rest(come, data)
        with contextlib.suppress(asyncio.CancelledError):
            await self._forward(reader, writer, meddle)
        self._tasks.discard(asyncio.current_task())
        writer.transport.abort()

    async def _forward(self, reader, writer, meddle):
        ahead, behind = await asyncio.open_connection(self._host, self._port)
        up = asyncio.create_task(_pump(reader, behind, unchanged))
        down = asyncio.create_task(_pump(ahead, writer, meddle))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            up.cancel()
            down.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            behind.close()


async def _pump(reader, writer, meddle):
    come = 0
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            passed = meddle(come, data)
            if passed is None:
                return
            come += len(data)
            writer.write(passed)
            await writer.drain()


def unchanged(_come, data):
    """Let everything through."""
    return data


def breaks_after(count):
    """Break off once so many bytes have gone through."""
    return lambda come, data: data if come + len(data) <= count else None


def alters(old, new):
    """Put other bytes of the same length in the place of these."""
    return lambda _come, data: data.replace(old, new)
