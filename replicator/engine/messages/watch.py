"""The watch over a queue: what waits in it, and whether the sink could be written to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from replicator.connector import Backlogs, Sink, Source, Trials
from replicator.engine.retry import Retrier
from replicator.model.change import Backlog
from replicator.model.clock import Clock

T = TypeVar("T")

LOOK_SECONDS = 2.0
TRY_SECONDS = 20.0


class Watch:
    """Looks at both ends again and again.

    Attributes:
        backlog: what was last seen to wait at the source; None before, or where it cannot say.
        looked_at: when, in seconds since the epoch.
        tried_at: when the sink was last written to for trial; None before.
    """

    def __init__(self, source: Source, sink: Sink, retrier: Retrier, clock: Clock) -> None:
        self._source = source
        self._sink = sink
        self._retrier = retrier
        self._clock = clock
        self.backlog: Backlog | None = None
        self.looked_at: float | None = None
        self.tried_at: float | None = None

    async def look_forever(self) -> None:
        """Look at the source until cancelled."""
        source = self._source
        while isinstance(source, Backlogs):
            self.looked_at, self.backlog = await self._timed("source", "backlog", source.backlog)
            await asyncio.sleep(LOOK_SECONDS)

    async def try_forever(self) -> None:
        """Try the sink until cancelled."""
        sink = self._sink
        while isinstance(sink, Trials):
            self.tried_at, _ = await self._timed("sink", "trial", sink.try_write)
            await asyncio.sleep(TRY_SECONDS)

    async def _timed(self, side: str, activity: str, call: Callable[[], Awaitable[T]]) -> tuple[float, T]:
        """What a call answers, and when it was asked: the answer may be old when it is taken in."""

        async def ask() -> tuple[float, T]:
            asked_at = self._clock.wall()
            return asked_at, await call()

        return await self._retrier.persist(side, activity, ask)

    def fresh_backlog(self, seconds_max: float) -> Backlog | None:
        """What waits at the source, if that was seen lately enough."""
        return self.backlog if self._is_fresh(self.looked_at, seconds_max) else None

    def is_tried(self, seconds_max: float) -> bool:
        """Whether the sink took a trial lately enough; the bound is counted from when one was due."""
        return self._is_fresh(self.tried_at, TRY_SECONDS + seconds_max)

    def _is_fresh(self, at: float | None, seconds_max: float) -> bool:
        return at is not None and 0 <= self._clock.wall() - at <= seconds_max
