"""The sink: uploads bodies block by block, removes on condition, and reads back what the store holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence

from connectors.memory.config import MemorySinkSettings
from connectors.memory.objects.checksums import Checksums, checksums_of
from connectors.memory.objects.codec import listed, name_of
from connectors.memory.objects.errors import Refusal, StoreError, damaged, translate
from connectors.memory.objects.store import Held, MemoryObjectStore
from replicator.connector import ATTEMPT_BYTES, Body, Finding, block_id
from replicator.model.change import Page, Row
from replicator.model.key import Key
from replicator.model.record import NOTHING


class MemoryObjectSink:
    """A sink into a store. Of a body one block is in memory, and the chunk that filled it."""

    def __init__(self, store: MemoryObjectStore, settings: MemorySinkSettings) -> None:
        self._store = store
        self._settings = settings

    async def connect(self) -> None:
        """Nothing to make ready."""

    async def upload(self, key: Key, body: Body, etag: str | None) -> bool:
        """Stage the body under ids of this attempt, look whether it is true, then commit on condition."""
        name, passed = name_of(key), Checksums(body.record.checksums)
        attempt, blocks = self._store.new_attempt().to_bytes(ATTEMPT_BYTES), list[str]()
        async for data in _blocks_of(body, self._settings.block_bytes):
            await asyncio.sleep(0)  # a call to a service always lets others run
            passed.update(data)
            blocks.append(block_id(attempt, len(blocks)))
            self._store.stage(name, blocks[-1], data)
        if not passed.fit(body.record.size, body.record.checksums):
            raise damaged(name)
        await asyncio.sleep(0)
        # What is vouched for is not what is held: checksums are computed when somebody asks.
        record = body.record._replace(checksums=NOTHING)
        return self._holds(lambda: self._store.commit(name, blocks, record, etag))

    async def remove(self, key: Key, etag: str) -> bool:
        """Remove the object if it has this ETag."""
        await asyncio.sleep(0)
        return self._holds(lambda: self._store.remove(name_of(key), etag))

    async def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """Objects as they are now, with their ETags."""
        await asyncio.sleep(0)
        found = ((key, self._store.objects.get(name_of(key))) for key in keys)
        return {key: Row(key, held.record, held.etag) for key, held in found if held is not None}

    async def check(self, key: Key, algorithms: Collection[str]) -> Row | None:
        """The object with checksums of the bytes that the store holds."""
        await asyncio.sleep(0)
        held = self._store.objects.get(name_of(key))
        if held is None:
            return None
        checksums = checksums_of(held.body, algorithms)
        return Row(key, held.record._replace(checksums=checksums), held.etag)

    async def pieces(self) -> Sequence[str]:
        """Ranges of names."""
        return self._store.objects.pieces(self._settings.pieces)

    async def scan(self, piece: str, cursor: str | None) -> Page:
        """Objects of a piece in the order of their names, each with what a listing shows."""
        await asyncio.sleep(0)
        found, following = self._store.objects.page(piece, cursor, self._settings.page_rows_max)
        return Page([_row(name, held) for name, held in found], following)

    async def estimate(self) -> int | None:
        """The number of objects; here it is exact."""
        return len(self._store.objects)

    async def is_empty(self) -> bool:
        """Whether there is no object; blocks that were never committed are none."""
        await asyncio.sleep(0)
        return not len(self._store.objects)

    async def probe(self) -> Sequence[Finding]:
        """A store is created on first use, so nothing can be missing."""
        return ()

    async def close(self) -> None:
        """Nothing to release."""

    def _holds(self, call: Callable[[], object]) -> bool:
        """Make a call on condition; False where the condition does not hold."""
        try:
            call()
        except StoreError as error:
            if error.refusal in (Refusal.EXISTS, Refusal.CHANGED):
                return False
            raise translate(error) from error
        return True


def _row(name: str, held: Held) -> Row:
    return Row((name,), listed(held.record), held.etag)


async def _blocks_of(body: Body, block_bytes: int) -> AsyncIterator[bytes]:
    """The body in blocks of this size, the last one smaller; none of a body without bytes."""
    block = bytearray()
    async for chunk in body.chunks():
        block += chunk
        while len(block) >= block_bytes:
            yield bytes(block[:block_bytes])
            del block[:block_bytes]
    if block:
        yield bytes(block)
