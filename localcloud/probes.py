"""Asking a server whether it answers."""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

__all__ = ["answers_http"]

_PROBE_SECONDS_MAX = 2.0


def answers_http(url: str) -> Callable[[], Awaitable[bool]]:
    """Return a probe: does a GET of `url` get an HTTP answer, of whatever status?"""
    parts = urlsplit(url)
    request = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"

    async def probe() -> bool:
        try:
            async with asyncio.timeout(_PROBE_SECONDS_MAX):
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
                writer.write(request.encode())
                answer = await reader.read(5)
                writer.close()
                return answer == b"HTTP/"
        except OSError:
            return False

    return probe
