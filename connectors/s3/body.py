"""The body of one version of an object, streamed, read on where a connection broke, and verified."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager

from connectors.aws.errors import unreachable
from connectors.s3 import codec
from connectors.s3.errors import changed, damaged
from connectors.s3.objects import Objects
from connectors.s3.wire import Stream
from connectors.wire.checksums import Digests, cheapest
from replicator.connector import CHUNK_BYTES_MAX
from replicator.model.change import Row
from replicator.model.errors import TransientError
from replicator.model.record import Object

TRIES_MAX = 4
"""How often in a row a broken connection is replaced without a byte coming."""
PAUSE_SECONDS = 0.1


class ObjectBody:
    """An open object. It lives inside of ``open_body``."""

    def __init__(self, objects: Objects, key: str, record: Object, stream: Stream) -> None:
        self.record = record
        self._objects = objects
        self._key = key
        self._etag = stream.headers.get("etag", "").strip('"')
        self._stream: Stream | None = stream
        self._streams = AsyncExitStack()

    async def close(self) -> None:
        """Give up the connections that replaced the first one."""
        await self._streams.aclose()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes; after the last of them they are known to be those that the service vouches for.

        One checksum is enough, the cheapest to compute; where the service has none, the length is all
        that can be compared.
        """
        digests = Digests(cheapest(self.record.checksums))
        come = 0
        while come < self.record.size:
            chunk = await self._next(come)
            come += len(chunk)
            digests.update(chunk)
            yield chunk
        for name, digest in digests.values().items():
            if digest != self.record.checksums[name]:
                raise damaged(self._key, name)

    async def _next(self, come: int) -> bytes:
        """The bytes from here on, over another connection if need be.

        Raises:
            TransientError: the object was replaced, or no connection brings anything.
        """
        for attempt in range(TRIES_MAX):
            try:
                stream = self._stream or await self._read_on(come)
                if chunk := await stream.read(CHUNK_BYTES_MAX):
                    return chunk
                trouble = unreachable("GetObject", f"the body ends after {come} bytes", settled=True)
            except TransientError as error:
                if error.reason != "unreachable":
                    raise
                trouble = error
            await self._give_up()
            await asyncio.sleep(PAUSE_SECONDS * attempt)
        raise trouble

    async def _read_on(self, come: int) -> Stream:
        opening = self._objects.open(self._key, begin=come, etag=self._etag)
        stream = await self._streams.enter_async_context(opening)
        if stream is None or not self._continues(stream, come):
            raise changed(self._key)
        self._stream = stream
        return stream

    def _continues(self, stream: Stream, come: int) -> bool:
        etag = stream.headers.get("etag", "").strip('"')
        place = stream.headers.get("content-range", "").removeprefix("bytes ")
        return etag == self._etag and (come == 0 or place.startswith(f"{come}-"))

    async def _give_up(self) -> None:
        if self._stream is not None:
            self._stream.release()
        self._stream = None
        await self._streams.aclose()


@asynccontextmanager
async def open_body(objects: Objects, key: str) -> AsyncIterator[ObjectBody | None]:
    """Open an object with everything that a copy needs; None where there is none.

    Raises:
        ChangeError: it has something that no copy can hold, or cannot be read.
        TransientError, PermanentError: as the service says.
    """
    async with objects.bodies, objects.open(key) as stream:
        if stream is None:
            yield None
            return
        if (obstacle := codec.obstacle(key, stream.headers)) is not None:
            raise obstacle
        tags = await objects.tags(key, stream.headers, of_head=False)
        if tags is None:
            raise changed(key)
        body = ObjectBody(objects, key, codec.object_of(key, stream.headers, tags), stream)
        try:
            yield body
        finally:
            await body.close()


async def check_body(objects: Objects, key: str, algorithms: Collection[str]) -> Row | None:
    """Read the object and compute these checksums of its bytes; None where there is none."""
    async with open_body(objects, key) as body:
        if body is None:
            return None
        digests = Digests(algorithms)
        async for chunk in body.chunks():
            digests.update(chunk)
        return Row((key,), body.record._replace(checksums=digests.values()))
