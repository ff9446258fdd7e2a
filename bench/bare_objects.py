"""The stand-ins' own ceilings for objects: bare calls, as many at a time as a copy makes.

``python -m bench.bare_objects get BUCKET OBJECTS BYTES`` reads every object,
``python -m bench.bare_objects put CONTAINER OBJECTS BYTES`` writes as many from memory, large ones in
blocks, and ``python -m bench.bare_objects copy BUCKET CONTAINER OBJECTS BYTES`` writes what it reads, which
is the most that a copy can reach where both stand-ins share the machine with it. The calls are those of
the connectors' own clients; one JSON object is printed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from bench.buckets import body_of, key_of
from connectors.blob.checksums import md5_header
from connectors.blob.client import BlobContainer
from connectors.blob.codec import encode
from connectors.blob.config import MEBIBYTE, BlobSinkSettings
from connectors.s3.client import Client
from connectors.s3.config import SourceSettings
from connectors.s3.objects import Objects
from replicator.config.limits import Limits
from replicator.connector import CHUNK_BYTES_MAX
from replicator.model.record import Object

CALLS = Limits().sink_calls_in_flight_max

_RECORD = Object(
    4096,
    "9b2cf535f27731c974343645a3985328 1764115200.000",
    {"content-type": "binary/octet-stream"},
)

Block = tuple[list[bytes], str]
"""The parts of a block, or of a small object, and their MD5 where it is known before."""


def described(number: int) -> dict[str, str]:
    """The condition and the headers of a new blob, which say what the connector's say."""
    return {"if-none-match": "*", **encode(key_of(number), _RECORD)}


class Writer:
    """Writes objects only where there are none, large ones in blocks."""

    def __init__(self, blobs: BlobContainer, settings: BlobSinkSettings) -> None:
        self._blobs = blobs
        self._room = asyncio.Semaphore(settings.buffer_bytes_max // settings.block_bytes)

    async def write(self, number: int, blocks: AsyncIterator[Block], *, whole: bool) -> None:
        """Write an object, in one call if its only block is the whole."""
        name, staged = key_of(number), list[str]()
        async with asyncio.TaskGroup() as tasks:
            async for parts, md5 in blocks:
                if whole:
                    checksum = md5 or md5_header(parts)  # without it Azurite takes longer
                    await self._blobs.put(name, parts, {**described(number), "content-md5": checksum})
                    return
                await self._room.acquire()
                staged.append(b64encode(len(staged).to_bytes(4)).decode())
                tasks.create_task(self._stage(name, staged[-1], parts, md5))
        await self._blobs.commit(name, staged, described(number))

    async def _stage(self, name: str, block: str, parts: list[bytes], md5: str) -> None:
        try:
            checksum = md5 or await asyncio.to_thread(md5_header, parts)
            size = sum(map(len, parts))
            await self._blobs.stage(name, block, parts, size, {"content-md5": checksum})
        finally:
            self._room.release()


@asynccontextmanager
async def _reading(bucket: str) -> AsyncIterator[Objects]:
    settings = SourceSettings(bucket=bucket, queue_url="http://none/none")
    client = Client(settings)
    await client.open()
    try:
        yield Objects(client, settings)
    finally:
        await client.close()


@asynccontextmanager
async def _writing(settings: BlobSinkSettings) -> AsyncIterator[Writer]:
    blobs = BlobContainer(settings, Limits().sink_call_seconds_max)
    await blobs.open()
    try:
        yield Writer(blobs, settings)
    finally:
        await blobs.close()


async def _read(objects: Objects, number: int, block_bytes: int) -> AsyncIterator[Block]:
    """An object's blocks."""
    parts: list[bytes] = []
    async with objects.open(key_of(number)) as stream:
        while stream is not None and (part := await stream.read(CHUNK_BYTES_MAX)):
            parts.append(part)
            if sum(map(len, parts)) >= block_bytes:
                yield parts, ""
                parts = []
    if parts:
        yield parts, ""


async def _remembered(data: bytes, md5: str, count: int) -> AsyncIterator[Block]:
    """The same block so many times."""
    for _ in range(count):
        yield [data], md5


async def _exhaust(blocks: AsyncIterator[Block]) -> None:
    async for _ in blocks:
        pass


async def _run(what: str, places: list[str], objects: int, size: int) -> dict[str, float]:
    settings = BlobSinkSettings(container=places[-1])
    block, whole = min(size, settings.block_bytes), size <= settings.single_put_bytes_max
    data = body_of(0, block)
    md5 = md5_header([data])
    async with AsyncExitStack() as stack:
        if what != "put":
            source = await stack.enter_async_context(_reading(places[0]))
        if what != "get":
            writer = await stack.enter_async_context(_writing(settings))

        async def one_after_another() -> None:
            for number in numbers:
                if what == "get":
                    await _exhaust(_read(source, number, block))
                elif what == "put":
                    await writer.write(number, _remembered(data, md5, size // block), whole=whole)
                else:
                    await writer.write(number, _read(source, number, block), whole=whole)

        numbers = iter(range(objects))
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(one_after_another() for _ in range(CALLS)))
        return {
            "items": objects if size < MEBIBYTE else objects * size // MEBIBYTE,
            "seconds": time.perf_counter() - began,
            "cpu_seconds": time.process_time() - cpu,
        }


if __name__ == "__main__":
    what, *places, count, size = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(_run(what, places, int(count), int(size)))) + "\n")
