"""Back-off: how long to wait before the same thing is tried again, and how to say so."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from replicator.engine.limits import LiveLimits
from replicator.model.errors import NotConnectedError, ReplicatorError, TransientError

T = TypeVar("T")

RETRIED = (TransientError, NotConnectedError, TimeoutError)
"""What is tried again; everything else is raised."""

THROTTLED = "throttled"
"""The reason that a connector gives where its service asks for less."""


ASKED_EXTRA_SECONDS_MAX = 1.0
"""At most this is waited beyond what a service asked for, so that callers do not all come back at once."""


class Backoff:
    """Exponential back-off with full jitter over its upper half; the service's own word has precedence."""

    def __init__(self, limits: LiveLimits, jitter: random.Random) -> None:
        self._limits = limits
        self._jitter = jitter
        self.attempts = 0

    def next_seconds(self, error: BaseException) -> float:
        """The wait before the next attempt. Never shorter than the service asked for."""
        exponential = self._limits.now.retry_seconds_min * 2.0 ** min(self.attempts, 20)
        self.attempts += 1
        bounded = min(exponential, self._limits.now.retry_seconds_max)
        wait = bounded * (0.5 + self._jitter.random() / 2)
        asked = error.retry_after_seconds if isinstance(error, TransientError) else None
        if asked is None:
            return wait
        return asked + min(wait, ASKED_EXTRA_SECONDS_MAX) * self._jitter.random()

    def reset(self) -> None:
        """The next failure is a first one again."""
        self.attempts = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why one side is waiting at the moment, in the operator's words."""

    side: str
    reason: str
    message: str
    hint: str
    since: float
    attempts: int


class Troubles:
    """What each activity of a pipeline is waiting for; empty while all is well."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._current: dict[tuple[str, str], Trouble] = {}
        self.retries: dict[tuple[str, str], int] = {}
        self.throttled_seconds: dict[str, float] = {}

    def note(self, side: str, activity: str, error: BaseException, wait_seconds: float) -> None:
        """An attempt failed and will be repeated after so many seconds."""
        reason = reason_of(error)
        before = self._current.get((side, activity))
        self._current[side, activity] = Trouble(
            side=side,
            reason=reason,
            message=str(error) or reason,
            hint=error.hint if isinstance(error, ReplicatorError) else "",
            since=before.since if before else self._wall(),
            attempts=before.attempts + 1 if before else 1,
        )
        self.retries[side, reason] = self.retries.get((side, reason), 0) + 1
        if reason == THROTTLED:
            self.throttled_seconds[side] = self.throttled_seconds.get(side, 0.0) + wait_seconds

    def clear(self, side: str, activity: str) -> None:
        """The activity succeeded."""
        self._current.pop((side, activity), None)

    @property
    def current(self) -> tuple[Trouble, ...]:
        """Oldest first."""
        return tuple(sorted(self._current.values(), key=lambda trouble: trouble.since))


def reason_of(error: BaseException) -> str:
    """One word for status and metrics."""
    if isinstance(error, TransientError):
        return error.reason
    if isinstance(error, TimeoutError):
        return "timeout"
    return error.code if isinstance(error, ReplicatorError) else "internal"


class Retrier:
    """Repeats what may succeed later, and says what it is waiting for."""

    def __init__(self, limits: LiveLimits, jitter: random.Random, troubles: Troubles) -> None:
        self._limits = limits
        self._jitter = jitter
        self.troubles = troubles

    def backoff(self) -> Backoff:
        """A fresh back-off."""
        return Backoff(self._limits, self._jitter)

    async def wait(self, side: str, activity: str, error: BaseException, backoff: Backoff) -> None:
        """Say why, and wait as long as the back-off wants."""
        seconds = backoff.next_seconds(error)
        self.troubles.note(side, activity, error, seconds)
        await asyncio.sleep(seconds)

    async def persist(self, side: str, activity: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Repeat until it succeeds. For what may be repeated freely: reads, connects, our own store."""
        backoff = self.backoff()
        while True:
            try:
                result = await attempt()
            except RETRIED as error:
                await self.wait(side, activity, error, backoff)
            else:
                self.troubles.clear(side, activity)
                return result
