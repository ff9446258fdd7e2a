"""The source: hints from the bucket's event queue, and the bucket itself, by name and as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from connectors.memory.config import MemorySourceSettings
from connectors.memory.messages import Hand, ReadMarks, Received
from connectors.memory.objects.bucket import Kept, MemoryBucket
from connectors.memory.objects.checksums import checksums_of
from connectors.memory.objects.codec import event_in, listed, name_of
from connectors.memory.objects.errors import replaced
from replicator.connector import CHUNK_BYTES_MAX, Body, Finding, Start
from replicator.model.change import Backlog, Batch, Change, Kind, Page, Positions, Row
from replicator.model.errors import NotConnectedError
from replicator.model.key import Key

PARTITION = "events"
CANARIES = ".replicator/"
"""Where marks are put: names of our own, which are not objects to anybody."""


class MemoryObjectSource:
    """A source that puts nothing into the bucket: no marks.

    The queue of events is one partition. An event is a hint; what it tells of is looked at later, by name.
    """

    def __init__(self, bucket: MemoryBucket, settings: MemorySourceSettings) -> None:
        self._bucket = bucket
        self._settings = settings
        self._hand: Hand | None = None  # None while not connected
        self._marks = ReadMarks()
        self._canaries: list[str] = []  # seen, and to be removed
        self._strangers = 0
        self._is_idle = False

    async def connect(self, positions: Positions | None) -> Start:  # noqa: ARG002 - see below
        """Begin with what is in the queue: it alone knows what was deleted, so positions tell nothing."""
        await self.close()
        self._hand = Hand(self._bucket.events)
        self._strangers = 0
        self._is_idle = False
        return Start({PARTITION: self._hand.position}, frozenset({PARTITION}))

    async def read(self) -> Batch:
        """The next hints; an empty batch where no event shows."""
        self._connected()
        await asyncio.sleep(self._settings.poll_seconds if self._is_idle else 0)
        looked_at = self._bucket.clock.wall()
        # Nothing below awaits, so a cancelled read has taken nothing.
        return self._take(self._connected(), looked_at)

    async def commit(self, positions: Positions) -> None:
        """Delete the events up to there, and the canaries that have done their work."""
        await asyncio.sleep(0)
        if self._hand is not None and PARTITION in positions:
            self._hand.delete(positions[PARTITION])
        while self._canaries:
            self._bucket.delete(self._canaries.pop())

    async def close(self) -> None:
        """Give back the events that were not committed."""
        hand, self._hand = self._hand, None
        if hand is not None:
            await hand.release()

    async def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """Objects as they are now, with the checksum that the bucket itself computed."""
        await asyncio.sleep(0)
        found = ((key, self._bucket.objects.get(name_of(key))) for key in keys)
        return {key: Row(key, kept.record) for key, kept in found if kept is not None}

    @asynccontextmanager
    async def download(self, key: Key) -> AsyncIterator[Body | None]:
        """Open the object as it is now."""
        await asyncio.sleep(0)
        kept = self._bucket.objects.get(name_of(key))
        yield None if kept is None else _OpenBody(self._bucket, name_of(key), kept, self._settings.replaced)

    async def check(self, key: Key, algorithms: Collection[str]) -> Row | None:
        """The object with checksums of the bytes that the bucket keeps."""
        await asyncio.sleep(0)
        kept = self._bucket.objects.get(name_of(key))
        if kept is None:
            return None
        return Row(key, kept.record._replace(checksums=checksums_of(kept.body, algorithms)))

    async def pieces(self) -> Sequence[str]:
        """Ranges of names."""
        return self._bucket.objects.pieces(self._settings.pieces)

    async def scan(self, piece: str, cursor: str | None) -> Page:
        """Objects of a piece in the order of their names, each with what a listing shows."""
        await asyncio.sleep(0)
        found, following = self._bucket.objects.page(piece, cursor, self._settings.page_rows_max)
        rows = [Row((name,), listed(kept.record)) for name, kept in found if not name.startswith(CANARIES)]
        return Page(rows, following)

    async def estimate(self) -> int | None:
        """The number of objects, our own canaries included."""
        return len(self._bucket.objects)

    async def backlog(self) -> Backlog:
        """The events that wait in the queue; those in hand do not."""
        await asyncio.sleep(0)
        oldest = self._bucket.events.oldest_waiting()
        age = 0.0 if oldest is None else self._bucket.clock.wall() - oldest.sent_at
        return Backlog(self._bucket.events.counts().waiting, max(0.0, age))

    async def probe(self) -> Sequence[Finding]:
        """A bucket is created on first use, with its queue, so nothing can be missing."""
        return ()

    def notices(self) -> Sequence[str]:
        """Whether there is something in the queue that no bucket put there."""
        if not self._strangers:
            return ()
        return (
            f"{self._strangers} messages in the event queue are no events; they are left where they are",
        )

    @property
    def retention_seconds(self) -> float:
        """The queue's word."""
        return self._bucket.events.retention_seconds

    def _connected(self) -> Hand:
        if self._hand is None:
            raise NotConnectedError("the memory source is not connected")
        return self._hand

    def _take(self, hand: Hand, looked_at: float) -> Batch:
        received = hand.take(self._settings.page_changes_max)
        self._is_idle = not received
        hints = [hint for each in received if (hint := self._hint_of(each, hand)) is not None]
        oldest = hand.oldest_elsewhere()
        return Batch(
            partition=PARTITION,
            changes=hints,
            position=hand.position,
            read_to=looked_at if oldest is None else None,
            marks=self._marks.take_proved(oldest),
            size_bytes=sum(len(each.message.body) for each in received),
        )

    def _hint_of(self, received: Received, hand: Hand) -> Change | None:
        """The hint that an event is; None of a canary's, and of what is no event."""
        event = event_in(received.message.body)
        if event is None:
            self._strangers += 1
            hand.leave(received.receipt)
            return None
        name, at = event
        if not name.startswith(CANARIES):
            return Change(Kind.DIRTY, (name,), None, at)
        if self._bucket.objects.get(name) is not None:  # else it is the event of its removal
            self._marks.add(name.removeprefix(CANARIES), received.message.number)
            self._canaries.append(name)
        return None


class MarkedMemoryObjectSource(MemoryObjectSource):
    """A source that may put canaries into the bucket."""

    async def mark(self) -> str:
        """Put an object of our own; its event comes behind what was changed before."""
        await asyncio.sleep(0)
        name = f"mark-{self._bucket.events.new_number()}"
        self._bucket.put(f"{CANARIES}{name}", b"")
        return name


class _OpenBody:
    """An object that is being read. What was opened stays as it is, unless the settings say otherwise."""

    def __init__(self, bucket: MemoryBucket, name: str, kept: Kept, replaced: str) -> None:
        self.record = kept.record
        self._bucket = bucket
        self._name = name
        self._kept = kept
        self._is_kept = replaced == "kept"

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes that were opened; each chunk is a call of its own."""
        for start in range(0, len(self._kept.body), CHUNK_BYTES_MAX):
            await asyncio.sleep(0)
            if not self._is_kept and self._bucket.objects.get(self._name) is not self._kept:
                raise replaced(self._name)
            yield self._kept.body[start : start + CHUNK_BYTES_MAX]
