"""How a body becomes a blob: in one call where it is small, else in blocks that are committed at the end.

Until the last call nothing is to be seen, so only of that call the outcome can be unknown. The ids of
blocks hold a random attempt number, so that two attempts never mix; blocks of an attempt that was given up
are swept away by the next write of the blob, or after a week.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing

from connectors.blob.budget import Budget
from connectors.blob.checksums import crc64_header, transfer_header
from connectors.blob.client import BlobContainer
from connectors.blob.config import MEBIBYTE, BlobSinkSettings
from connectors.blob.errors import RefusedError, is_absent, is_unmet, translate, without_effect
from connectors.wire.checksums import Digests, cheapest
from replicator.connector import ATTEMPT_BYTES, Body, block_id
from replicator.model.errors import ChangeError, ReplicatorError, TransientError, first_cause
from replicator.model.record import Object

BLOCKS_MAX = 50_000
"""Blocks of one blob (learn.microsoft.com/azure/storage/blobs/scalability-targets)."""

_STREAM_BYTES = 4 * MEBIBYTE  # what a block that is streamed is taken to hold in memory


def block_size(size: int, block_bytes: int) -> int:
    """Bytes of each block but the last: as configured, or as many MiB as 50,000 blocks need."""
    least = -(-size // BLOCKS_MAX)
    return block_bytes if least <= block_bytes else -(-least // MEBIBYTE) * MEBIBYTE


class Uploader:
    """Uploads bodies into one container, within one bound of memory."""

    def __init__(self, container: BlobContainer, settings: BlobSinkSettings) -> None:
        self._container = container
        self._settings = settings
        self._budget = Budget(settings.buffer_bytes_max)
        # More could not hold a block each, and would only fill the buffers they read from.
        self._in_blocks = asyncio.Semaphore(max(1, settings.buffer_bytes_max // settings.block_bytes))

    async def upload(self, name: str, body: Body, headers: Mapping[str, str]) -> None:
        """Make the blob; ``headers`` describe it and hold the condition.

        Raises:
            RefusedError: the last call was refused.
            ReplicatorError: as named; what the body raises comes through.
        """
        if body.record.size <= self._settings.single_put_bytes_max:
            await self._put(name, body, headers)
        else:
            await self._put_blocks(name, body, headers)

    async def _put(self, name: str, body: Body, headers: Mapping[str, str]) -> None:
        async with self._budget.held(body.record.size), aclosing(_Reader(body)) as reader:
            parts = await reader.take(body.record.size)
            await reader.finish()
            checksum = transfer_header(self._settings.transfer_checksum, parts)
            try:
                await self._container.put(name, parts, {**headers, **checksum})
            except RefusedError as error:
                if not is_unmet(error.refusal) or not await self._is_only_staged(name, headers):
                    raise
                staging = _Staging(self._container, self._settings, self._budget, name)
                blocks = [await staging.one_of(parts)] if body.record.size else []
                await self._container.commit(name, blocks, headers)

    async def _is_only_staged(self, name: str, headers: Mapping[str, str]) -> bool:
        """Whether blocks of an attempt given up are all there is, which Azurite takes for a blob."""
        if "if-none-match" not in headers:
            return False
        try:
            await self._container.head(name)
        except RefusedError as error:
            return is_absent(error.refusal)
        return False

    async def _put_blocks(self, name: str, body: Body, headers: Mapping[str, str]) -> None:
        async with self._in_blocks, aclosing(_Reader(body)) as reader:
            try:
                blocks = await _Staging(self._container, self._settings, self._budget, name).all_of(reader)
            except BaseExceptionGroup as group:
                raise first_cause(group) from group
            await reader.finish()
        md5 = body.record.checksums.get("md5")
        if md5 is not None:
            headers = {**headers, "x-ms-blob-content-md5": _base64(md5)}
        await self._container.commit(name, blocks, headers)


class _Staging:
    """The blocks of one attempt."""

    def __init__(
        self, container: BlobContainer, settings: BlobSinkSettings, budget: Budget, name: str
    ) -> None:
        self._container, self._settings, self._budget, self._name = container, settings, budget, name
        self._slots = asyncio.Semaphore(settings.blocks_in_flight_max)
        self._attempt = secrets.token_bytes(ATTEMPT_BYTES)

    async def all_of(self, reader: _Reader) -> list[str]:
        """Send the whole body; the ids of its blocks, in order."""
        size = reader.record.size
        step = block_size(size, self._settings.block_bytes)
        blocks: list[str] = []
        async with asyncio.TaskGroup() as tasks:
            for start in range(0, size, step):
                block = block_id(self._attempt, len(blocks))
                blocks.append(block)
                length = min(step, size - start)
                if step > self._settings.buffer_bytes_max:
                    await self._stream(block, reader, length)
                else:
                    await self._hold(tasks, block, reader, length)
        return blocks

    async def one_of(self, parts: list[bytes]) -> str:
        """Send one block that is held already; its id."""
        block = block_id(self._attempt, 0)
        await self._check_and_stage(block, parts, sum(map(len, parts)))
        return block

    async def _hold(self, tasks: asyncio.TaskGroup, block: str, reader: _Reader, length: int) -> None:
        """Read a block into memory, and leave sending it to a task."""
        await self._slots.acquire()
        try:
            await self._budget.acquire(length)
        except BaseException:
            self._slots.release()
            raise

        def release(_: object = None) -> None:
            self._budget.release(length)
            self._slots.release()

        try:
            parts = await reader.take(length)
            sending = self._check_and_stage(block, parts, length)
            task = tasks.create_task(sending, name=f"blob block of {length} bytes")
        except BaseException:
            release()
            raise
        task.add_done_callback(release)

    async def _check_and_stage(self, block: str, parts: list[bytes], length: int) -> None:
        """Send a block with its checksum, computed in a thread: an MD5 takes longer than sending does."""
        checksum = await asyncio.to_thread(transfer_header, self._settings.transfer_checksum, parts)
        await self._stage(block, parts, length, checksum)

    async def _stream(self, block: str, reader: _Reader, length: int) -> None:
        """Send a block as it is read, and compare what the service says of it."""
        digests = Digests(["crc64nvme"])
        async with self._budget.held(_STREAM_BYTES):
            try:
                answer = await self._stage(block, reader.stream(length, digests), length, {})
            except ReplicatorError:
                if reader.failure is not None:  # the HTTP client tells it as a broken connection
                    raise reader.failure from None
                raise
        expected = crc64_header(digests.values()["crc64nvme"])
        if answer.get("x-ms-content-crc64", expected) != expected:
            raise TransientError("a block was damaged on the way", settled=True, reason="damaged")

    async def _stage(
        self, block: str, parts: list[bytes] | AsyncIterator[bytes], length: int, headers: Mapping[str, str]
    ) -> Mapping[str, str]:
        try:
            return (await self._container.stage(self._name, block, parts, length, headers)).headers
        except RefusedError as error:
            raise without_effect(translate(error.refusal, of_change=True)) from error
        except ReplicatorError as error:
            raise without_effect(error) from error


class _Reader:
    """A body's bytes in the pieces that are wanted, checked at the end against what its record says.

    One of the record's checksums is enough, the cheapest: the others are the source's word for the same
    bytes, and an MD5 of a large body takes longer than sending it.
    """

    def __init__(self, body: Body) -> None:
        self.record: Object = body.record
        self._chunks = body.chunks()
        self._rest = b""
        self._digests = Digests(cheapest(self.record.checksums))
        self.failure: Exception | None = None

    async def take(self, length: int) -> list[bytes]:
        """The next bytes, in parts that are not joined."""
        return [part async for part in self.stream(length)]

    async def stream(self, length: int, digests: Digests | None = None) -> AsyncIterator[bytes]:
        """The next bytes one by one; ``digests`` takes them too."""
        while length:
            chunk = self._rest or await self._next()
            part, self._rest = chunk[:length], chunk[length:]
            length -= len(part)
            if digests is not None:
                digests.update(part)
            yield part

    async def finish(self) -> None:
        """Read to the end, and compare the checksum of what came.

        Raises:
            TransientError: settled; there is more or less than the record says.
            ChangeError: the checksum is another.
        """
        if self._rest:
            raise self._torn("more")
        async for chunk in self._chunks:
            if chunk:
                raise self._torn("more")
        for algorithm, digest in self._digests.values().items():
            if digest != self.record.checksums[algorithm].lower():
                raise ChangeError(
                    f"the body's {algorithm} is {digest}, not {self.record.checksums[algorithm]}",
                    hint="read the object at the source; it may be damaged there",
                )

    async def aclose(self) -> None:
        """Stop reading, wherever that is."""
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()

    async def _next(self) -> bytes:
        try:
            async for chunk in self._chunks:
                if chunk:
                    self._digests.update(chunk)
                    return chunk
        except Exception as error:
            self.failure = error
            raise
        self.failure = self._torn("fewer")
        raise self.failure

    def _torn(self, amount: str) -> TransientError:
        return TransientError(
            f"the body has {amount} bytes than the {self.record.size} that its record says",
            settled=True,
            reason="torn",
        )


def _base64(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()
