"""Where the receivers behind ``read`` put what it returns: batches, and troubles beside them."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from replicator.model.change import Batch
from replicator.model.errors import TransientError

T = TypeVar("T")

_PAUSE_SECONDS_MIN = 0.2
_PAUSE_SECONDS_MAX = 5.0
_JITTER = random.SystemRandom()


class Outbox:
    """Batches in the order in which they are to be read; the messages in hand bound how many there are.

    A trouble is raised only when nothing is waiting to be read, and is forgotten once its activity
    succeeds again.
    """

    def __init__(self) -> None:
        self._batches: deque[Batch] = deque()
        self._troubles: dict[str, Exception] = {}
        self._failure: BaseException | None = None
        self._filled = asyncio.Event()

    def put(self, batch: Batch) -> None:
        """Append a batch. Of several that only say how far the queue was read, the newest is enough."""
        if self._batches and _only_says(batch) and _only_says(self._batches[-1]):
            self._batches.pop()
        self._batches.append(batch)
        self._filled.set()

    async def persist(self, activity: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until it succeeds, longer apart each time, and let ``take`` raise every failure."""
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

    def recover(self) -> None:
        """More will come after all."""
        self._failure = None

    def fail(self, error: BaseException) -> None:
        """Nothing more will come: once what waits has been read, every read raises this."""
        if self._failure is None:
            self._failure = error
        self._filled.set()

    async def take(self) -> Batch:
        """The next batch; waits for one. Cancelling loses nothing."""
        while not self._batches:
            if self._failure is not None:
                raise self._failure
            for activity in tuple(self._troubles):
                raise self._troubles.pop(activity)
            self._filled.clear()
            await self._filled.wait()
        return self._batches.popleft()


def _only_says(batch: Batch) -> bool:
    """Whether the batch tells nothing but how far the queue was read."""
    return not (batch.changes or batch.marks)
