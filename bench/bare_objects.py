"""The stand-ins' own ceilings for objects: one kind of call, as many at a time as a copy makes.

``python -m bench.bare_objects get BUCKET OBJECTS BYTES`` reads every object,
``python -m bench.bare_objects put CONTAINER OBJECTS BYTES`` writes as many from memory, large ones in
blocks. The calls are those of the connectors' own clients; one JSON object is printed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from bench.buckets import body_of, key_of
from connectors.blob.checksums import md5_header
from connectors.blob.client import BlobContainer
from connectors.blob.config import MEBIBYTE, BlobSinkSettings
from connectors.s3.client import Client
from connectors.s3.config import SourceSettings
from connectors.s3.objects import Objects
from replicator.config.limits import Limits
from replicator.connector import CHUNK_BYTES_MAX

CALLS = Limits().sink_calls_in_flight_max

Operation = Callable[[int], Awaitable[object]]


@asynccontextmanager
async def reading(bucket: str) -> Any:
    """Reads an object whole, and throws it away."""
    client = Client(SourceSettings(bucket=bucket, queue_url="http://none/none"))
    await client.open()
    objects = Objects(client, SourceSettings(bucket=bucket, queue_url="http://none/none"))

    async def read(number: int) -> None:
        async with objects.open(key_of(number)) as stream:
            while stream is not None and await stream.read(CHUNK_BYTES_MAX):
                pass

    try:
        yield read
    finally:
        await client.close()


@asynccontextmanager
async def writing(container: str, size: int) -> Any:
    """Writes an object that is held in memory, only where there is none."""
    settings = BlobSinkSettings(container=container)
    blobs = BlobContainer(settings, Limits().sink_call_seconds_max)
    await blobs.open()
    data = body_of(0, min(size, settings.block_bytes))
    checksum = {"content-md5": md5_header([data])}  # without it Azurite takes longer
    room = asyncio.Semaphore(settings.buffer_bytes_max // settings.block_bytes)

    async def put(number: int) -> None:
        await blobs.put(key_of(number), [data], {"if-none-match": "*", **checksum})

    async def stage(name: str, block: str) -> None:
        async with room:
            await blobs.stage(name, block, [data], len(data), checksum)

    async def put_blocks(number: int) -> None:
        blocks = [b64encode(place.to_bytes(4)).decode() for place in range(size // len(data))]
        await asyncio.gather(*(stage(key_of(number), block) for block in blocks))
        await blobs.commit(key_of(number), blocks, {"if-none-match": "*"})

    try:
        yield put if size <= settings.single_put_bytes_max else put_blocks
    finally:
        await blobs.close()


async def _repeat(operation: Operation, numbers: Iterable[int]) -> None:
    for number in numbers:
        await operation(number)


async def _run(what: str, place: str, objects: int, size: int) -> dict[str, float]:
    async with reading(place) if what == "get" else writing(place, size) as operation:
        numbers = iter(range(objects))
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(_repeat(operation, numbers) for _ in range(CALLS)))
        return {
            "items": objects if size < MEBIBYTE else objects * size // MEBIBYTE,
            "seconds": time.perf_counter() - began,
            "cpu_seconds": time.process_time() - cpu,
        }


if __name__ == "__main__":
    what, place, count, size = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(_run(what, place, int(count), int(size)))) + "\n")
