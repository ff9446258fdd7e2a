"""The source: takes messages from a queue, keeps them hidden until the commit, then deletes them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from connectors.memory.config import MemorySourceSettings
from connectors.memory.messages.codec import MARK, change_of, mark_in
from connectors.memory.messages.hand import Hand
from connectors.memory.messages.marks import ReadMarks
from connectors.memory.messages.queue import MemoryQueue
from replicator.connector import Finding, Start
from replicator.model.change import Backlog, Batch, Positions
from replicator.model.errors import NotConnectedError
from replicator.model.record import Attribute

PARTITION = "queue"


class MemoryMessageSource:
    """A source that puts nothing into the queue: no marks.

    A queue is one partition. Connecting takes nothing from it: only ``read`` does, because what is taken
    is hidden from the consumers that the queue still has.
    """

    def __init__(self, queue: MemoryQueue, settings: MemorySourceSettings) -> None:
        self._queue = queue
        self._settings = settings
        self._hand: Hand | None = None  # None while not connected
        self._marks = ReadMarks()
        self._is_idle = False

    async def connect(self, positions: Positions | None) -> Start:  # noqa: ARG002 - see below
        """Begin with what is in the queue: it alone knows what was deleted, so positions tell nothing."""
        await self.close()
        self._hand = Hand(self._queue)
        self._is_idle = False
        return Start({PARTITION: self._hand.position}, frozenset({PARTITION}))

    async def read(self) -> Batch:
        """The next messages; an empty batch where nothing shows."""
        self._connected()
        await asyncio.sleep(self._settings.poll_seconds if self._is_idle else 0)
        looked_at = self._queue.clock.wall()
        # Nothing below awaits, so a cancelled read has taken nothing.
        return self._take(self._connected(), looked_at)

    async def commit(self, positions: Positions) -> None:
        """Delete what was delivered up to there."""
        await asyncio.sleep(0)
        if self._hand is not None and PARTITION in positions:
            self._hand.delete(positions[PARTITION])

    async def close(self) -> None:
        """Give back what was not committed, so that others need not wait for it."""
        hand, self._hand = self._hand, None
        if hand is not None:
            await hand.release()

    async def backlog(self) -> Backlog:
        """What waits in the queue; what is in hand does not."""
        await asyncio.sleep(0)
        oldest = self._queue.oldest_waiting()
        age = 0.0 if oldest is None else self._queue.clock.wall() - oldest.sent_at
        return Backlog(self._queue.counts().waiting, max(0.0, age))

    async def probe(self) -> Sequence[Finding]:
        """A queue is created on first use, so nothing can be missing."""
        return ()

    @property
    def retention_seconds(self) -> float:
        """The queue's word."""
        return self._queue.retention_seconds

    def _connected(self) -> Hand:
        if self._hand is None:
            raise NotConnectedError("the memory source is not connected")
        return self._hand

    def _take(self, hand: Hand, looked_at: float) -> Batch:
        received = hand.take(self._settings.page_changes_max)
        self._is_idle = not received
        changes = []
        for each in received:
            mark = mark_in(each)
            if mark is None:
                changes.append(change_of(each))
            else:
                self._marks.add(mark, each.message.number)
        oldest = hand.oldest_elsewhere()
        return Batch(
            partition=PARTITION,
            changes=changes,
            position=hand.position,
            read_to=looked_at if oldest is None else None,
            marks=self._marks.take_proved(oldest),
            size_bytes=sum(len(each.message.body) for each in received),
        )


class MarkedMemoryMessageSource(MemoryMessageSource):
    """A source that may put end messages into the queue."""

    async def mark(self) -> str:
        """Send an end message, in a group of its own, which whoever else reads the queue will see."""
        await asyncio.sleep(0)
        name = f"mark-{self._queue.new_number()}"
        attributes = {MARK: Attribute("String", name)}
        self._queue.send("end", attributes, name if self._queue.fifo else None, name)
        return name
