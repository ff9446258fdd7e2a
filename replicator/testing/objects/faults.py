"""What may happen to objects on their way: bodies that break, uploads that land late, blocks that stray.

Real is the protocol of blocks: each has a call of its own and an id that the sender chooses; a block that
comes later replaces one of the same name and id; nobody sees any of it before the last call names the ids,
and that call sweeps away all others. So a sender may begin again at once when a block's outcome is unknown,
while blocks of the attempt that it gave up are still coming.
Source: Azure Blob Storage REST reference, Put Block, Put Block List; ``connectors/blob/upload.py`` does so.

Modelled is only when they come: of an attempt given up each block lands at a moment of its own, and in
their order; those of an attempt that goes well come evenly, and its last call follows at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar, cast

from replicator.connector import Body, Checks, Downloads, Removes, Sink, Source, Uploads
from replicator.model.change import Row
from replicator.model.errors import ReplicatorError, TransientError
from replicator.model.key import Key
from replicator.model.record import Object
from replicator.testing.faults import OF_A_SINK, OF_A_SOURCE, SHARED, FaultySource, decorated
from replicator.testing.network import Link, Network, unknown

T = TypeVar("T")

PIECE_BYTES = 8
"""Bodies come in pieces so small, each with a fate of its own; each is a block of the sink."""


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
    """A body that was sent, and arrives piece by piece; perhaps not all of it.

    ``moments`` are when the pieces arrive, in seconds from the beginning, the first one first.
    """

    def __init__(
        self,
        record: Object,
        pieces: list[bytes],
        moments: Iterable[float],
        error: ReplicatorError | None = None,
    ) -> None:
        self.record = record
        self._pieces = pieces
        self._moments = moments
        self._error = error

    async def chunks(self) -> AsyncIterator[bytes]:
        """The pieces that arrive."""
        now = 0.0
        for piece, moment in zip(self._pieces, self._moments, strict=True):
            await asyncio.sleep(moment - now)
            now = moment
            yield piece
        if self._error is not None:
            raise self._error


class _Checks:
    inner: object
    network: Network

    async def check(self, key: Key, algorithms: Collection[str]) -> Row | None:
        """May fail; an answer may be old when it arrives."""
        return await self.network.read(lambda: cast(Checks, self.inner).check(key, algorithms))


class _Downloads:
    inner: object
    network: Network

    @asynccontextmanager
    async def download(self, key: Key) -> AsyncIterator[Body | None]:
        """Opening may fail, and so may every piece of the body."""
        inner = cast(Downloads, self.inner)
        async with AsyncExitStack() as stack:
            body = await self.network.read(lambda: stack.enter_async_context(inner.download(key)))
            yield None if body is None else _Pieces(body, self.network)


class _ObjectSink:
    """A sink of objects behind a network; its client gives every call up in time."""

    def __init__(self, inner: Sink, network: Network) -> None:
        self.inner = inner
        self.network = network
        self.link = Link(network)

    async def connect(self) -> None:
        """Connecting may fail."""
        await self.link.connect(self.inner.connect)

    async def close(self) -> None:
        """Closing never fails."""
        await self.inner.close()

    async def upload(self, key: Key, body: Body, etag: str | None) -> bool:
        """The body is read first. Then blocks of it may go astray, or its last call, and land late."""
        self.link.use()
        pieces: list[bytes] = []
        inner, record, network = cast(Uploads, self.inner), body.record, self.network
        try:
            async for piece in body.chunks():
                pieces += [piece]
        except ReplicatorError as error:
            return await inner.upload(key, _Sent(record, pieces, [0.0] * len(pieces), error), etag)
        if network.chance.random() < self._stray_share(len(pieces)):
            network.sending("write")
            moments = sorted(network.any_moment() for _ in pieces)
            stray = _Sent(record, pieces, moments, unknown("a block was lost"))
            network.carry(lambda: inner.upload(key, stray, etag), 0.0, moments[-1])
            await asyncio.sleep(network.way())
            raise TransientError("a block was not taken; nothing shows", settled=True, reason="timeout")

        def land(seconds: float) -> Awaitable[bool]:
            moments = [seconds * number / len(pieces) for number in range(1, len(pieces) + 1)]
            return inner.upload(key, _Sent(record, pieces, moments), etag)

        return await self._in_time(network.send_slowly(land))

    async def remove(self, key: Key, etag: str) -> bool:
        """The condition is looked at when the removal lands."""
        self.link.use()
        inner = cast(Removes, self.inner)
        return await self._in_time(self.network.send(lambda: inner.remove(key, etag)))

    def _stray_share(self, blocks: int) -> float:
        """How likely the outcome of some of so many calls is unknown."""
        rates = self.network.rates
        return 1.0 - (1.0 - rates.late - rates.lost - rates.reset) ** blocks

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
