"""Where the readers behind ``read`` put what it returns: batches, and troubles beside them.

A trouble is raised only when nothing is waiting to be read, and is forgotten once its activity succeeds
again, so one reader in trouble neither holds up the others nor leaves old errors behind.
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
    taken: Callable[[], None] | None


class Outbox:
    """Batches in the order in which they are to be read. Who puts them bounds how many there are."""

    def __init__(self) -> None:
        self._batches: deque[_Waiting] = deque()
        self._sayings: dict[str, _Waiting] = {}
        self._troubles: dict[str, Exception] = {}
        self._failure: BaseException | None = None
        self._filled = asyncio.Event()

    def put(self, batch: Batch, *, taken: Callable[[], None] | None = None) -> None:
        """Append a batch; ``taken`` is called when it is read.

        What a partition says of how far it was read replaces what it said before and nobody has read yet,
        so that a reader that pauses finds one such batch for each partition and not one for each second.
        """
        saying = _only_says(batch)
        waiting = self._sayings.pop(batch.partition, None)
        if saying and waiting is not None:
            waiting.batch = batch
        else:
            waiting = _Waiting(batch, taken)
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

    def recover(self) -> None:
        """More will come after all."""
        self._failure = None

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
        if waiting.taken is not None:
            waiting.taken()
        return waiting.batch

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _raise_trouble(self) -> None:
        for activity in tuple(self._troubles):
            raise self._troubles.pop(activity)


def _only_says(batch: Batch) -> bool:
    """Whether the batch tells nothing but how far its partition was read."""
    return not (batch.changes or batch.ended or batch.opened or batch.forgotten or batch.marks)
