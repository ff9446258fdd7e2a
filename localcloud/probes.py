"""Asking a server whether it answers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import urlsplit

__all__ = ["all_answer_http", "answers_http"]

_PROBE_SECONDS_MAX = 2.0


def all_answer_http(urls: Iterable[str]) -> Callable[[], Awaitable[bool]]:
    """Return a probe: does a GET of each URL get an HTTP answer?"""
    probes = [answers_http(url) for url in urls]

    async def probe() -> bool:
        return all([await one() for one in probes])

    return probe


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
