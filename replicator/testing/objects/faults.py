"""What may happen to objects on their way: bodies that break, uploads that land late, blocks that stray."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar, cast

from replicator.connector import Body, Checks, Downloads, Removes, Sink, Source, Uploads
from replicator.model.change import Row
from replicator.model.errors import ReplicatorError, TransientError
from replicator.model.key import Key
from replicator.model.record import Object
from replicator.testing.faults import OF_A_SINK, OF_A_SOURCE, SHARED, FaultySource, decorated
from replicator.testing.network import Network, unknown

T = TypeVar("T")

PIECE_BYTES = 8
"""Bodies come in pieces so small, each with a fate of its own."""


STRAYS = 3
"""An upload is of many calls, so more often than of others a part of it goes astray."""


class _Pieces:
    """A body behind a network."""

    def __init__(self, inner: Body, network: Network) -> None:
        self.record: Object = inner.record
        self._inner = inner
        self._network = network

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes, slowly; the connection may break in the middle of them."""
        async for chunk in self._inner.chunks():
            for start in range(0, len(chunk), PIECE_BYTES):
                await asyncio.sleep(self._network.way())
                if self._network.chance.random() < self._network.rates.reset:
                    raise TransientError("the connection broke in a body", settled=True, reason="reset")
                yield chunk[start : start + PIECE_BYTES]


class _Sent:
    """A body that was sent, and arrives piece by piece within so many seconds; perhaps not all of it."""

    def __init__(
        self, record: Object, pieces: list[bytes], seconds: float, error: ReplicatorError | None = None
    ) -> None:
        self.record = record
        self._pieces = pieces
        self._seconds = seconds
        self._error = error

    async def chunks(self) -> AsyncIterator[bytes]:
        """The pieces that arrive."""
        for piece in self._pieces:
            await asyncio.sleep(self._seconds / len(self._pieces))
            yield piece
        if self._error is not None:
            raise self._error


class _Checks:
    inner: object
    network: Network

    async def check(self, key: Key, algorithms: Collection[str]) -> Row | None:
        """May fail; an answer may be old when it arrives."""
        return await self.network.ask(lambda: cast(Checks, self.inner).check(key, algorithms))


class _Downloads:
    inner: object
    network: Network

    @asynccontextmanager
    async def download(self, key: Key) -> AsyncIterator[Body | None]:
        """Opening may fail, and so may every piece of the body."""
        inner = cast(Downloads, self.inner)
        async with AsyncExitStack() as stack:
            body = await self.network.ask(lambda: stack.enter_async_context(inner.download(key)))
            yield None if body is None else _Pieces(body, self.network)


class _ObjectSink:
    """A sink of objects behind a network; its client gives every call up in time."""

    def __init__(self, inner: Sink, network: Network) -> None:
        self.inner = inner
        self.network = network

    async def connect(self) -> None:
        """Connecting may fail."""
        await self.network.ask(self.inner.connect)

    async def close(self) -> None:
        """Closing never fails."""
        await self.inner.close()

    async def upload(self, key: Key, body: Body, etag: str | None) -> bool:
        """The body is read first. Then some of its blocks may stray, or the whole of it, and land late."""
        pieces: list[bytes] = []
        inner, record, network = cast(Uploads, self.inner), body.record, self.network
        try:
            async for piece in body.chunks():
                pieces += [piece]
        except ReplicatorError as error:
            return await inner.upload(key, _Sent(record, pieces, 0.0, error), etag)
        if pieces and network.chance.random() < STRAYS * network.rates.partial:
            network.sending("write")
            seconds, broken = network.any_moment(), unknown("a block was lost")
            stray = _Sent(record, pieces, seconds, broken)
            network.carry(lambda: inner.upload(key, stray, etag), 0.0, seconds)
            await asyncio.sleep(network.way())
            raise TransientError("a block was not taken; nothing shows", settled=True, reason="timeout")

        def land(seconds: float) -> Awaitable[bool]:
            return inner.upload(key, _Sent(record, pieces, seconds), etag)

        return await self._in_time(network.send_slowly(land))

    async def remove(self, key: Key, etag: str) -> bool:
        """The condition is looked at when the removal lands."""
        inner = cast(Removes, self.inner)
        return await self._in_time(self.network.send(lambda: inner.remove(key, etag)))

    async def _in_time(self, call: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self.network.call_seconds_max):
                return await call
        except TimeoutError:
            raise unknown("no answer in time") from None


_SOURCE = [*SHARED, *OF_A_SOURCE, (Downloads, _Downloads), (Checks, _Checks)]
_SINK = [*SHARED, *OF_A_SINK, (Checks, _Checks)]


def faulty_object_source(inner: Source, network: Network) -> Source:
    """The source behind the network, with the abilities that it has."""
    return cast(Source, decorated(FaultySource, _SOURCE, inner, network))


def faulty_object_sink(inner: Sink, network: Network) -> Sink:
    """The sink behind the network, with the abilities that it has."""
    return cast(Sink, decorated(_ObjectSink, _SINK, inner, network))


__all__ = ["faulty_object_sink", "faulty_object_source"]
