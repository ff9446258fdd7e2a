"""Where the readers of all shards put what ``read`` returns: a bounded queue, and troubles beside it.

A trouble is raised only when nothing is waiting to be read, and is forgotten once its shard reads again,
so a shard in trouble neither holds up the others nor leaves old errors behind.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from replicator.model.change import Batch
from replicator.model.errors import TransientError

T = TypeVar("T")

_PAUSE_SECONDS_MIN = 0.2
_PAUSE_SECONDS_MAX = 5.0
_JITTER = random.SystemRandom()


@dataclass(slots=True)
class _Waiting:
    batch: Batch
    holds_page: bool


class Outbox:
    """Batches in the order in which they are to be read.

    ``pages`` bounds how many pages are held or under way: a reader takes one permit before it asks for
    a page; the permit goes back once the page was read, or when it turned out empty.
    """

    def __init__(self, pages_max: int) -> None:
        self.pages = asyncio.Semaphore(pages_max)
        self._batches: deque[_Waiting] = deque()
        self._sayings: dict[str, _Waiting] = {}
        self._troubles: dict[str, Exception] = {}
        self._failure: BaseException | None = None
        self._filled = asyncio.Event()

    def put(self, batch: Batch, *, holds_page: bool = False) -> None:
        """Append a batch; one that holds a page's permit gives it back when it is read.

        What a quiet shard says replaces what it said before and nobody has read yet, so that a reader
        that pauses finds one such batch per shard and not one per second.
        """
        saying = _only_says(batch)
        waiting = self._sayings.pop(batch.partition, None)
        if saying and waiting is not None:
            waiting.batch = batch
        else:
            waiting = _Waiting(batch, holds_page)
            self._batches.append(waiting)
        if saying:
            self._sayings[batch.partition] = waiting
        self._filled.set()

    async def persist(self, activity: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until it succeeds, longer apart each time, and let ``take`` raise every failure.

        The engine repeats ``read``, not the readers behind it: they have to go on by themselves.
        """
        pause = _PAUSE_SECONDS_MIN
        while True:
            try:
                result = await attempt()
            except TransientError as error:
                self._troubles[activity] = error
                self._filled.set()
                asked = error.retry_after_seconds or 0.0
                await asyncio.sleep(max(asked, pause * _JITTER.uniform(0.5, 1.0)))
                pause = min(pause * 2, _PAUSE_SECONDS_MAX)
            else:
                self._troubles.pop(activity, None)
                return result

    def fail(self, error: BaseException) -> None:
        """Nothing more will come: once what waits has been read, every read raises this."""
        if self._failure is None:
            self._failure = error
        self._filled.set()

    async def take(self) -> Batch:
        """The next batch; waits for one. Cancelling loses nothing."""
        while not self._batches:
            self._raise_failure()
            self._raise_trouble()
            self._filled.clear()
            await self._filled.wait()
        waiting = self._batches.popleft()
        if self._sayings.get(waiting.batch.partition) is waiting:
            del self._sayings[waiting.batch.partition]
        if waiting.holds_page:
            self.pages.release()
        return waiting.batch

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _raise_trouble(self) -> None:
        for activity in tuple(self._troubles):
            raise self._troubles.pop(activity)


def _only_says(batch: Batch) -> bool:
    """Whether the batch tells nothing but that its shard was read."""
    return not (batch.changes or batch.ended or batch.opened or batch.forgotten or batch.marks)
