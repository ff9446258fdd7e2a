"""Calls: how many to one side are under way at a time, by a limit that may change and a pace within it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from replicator.engine.pace import Pace
from replicator.engine.retry import THROTTLED, reason_of
from replicator.model.clock import Clock
from replicator.model.errors import ReplicatorError

T = TypeVar("T")


class Places:
    """A semaphore whose bound may change at any time; whoever waits longest is next."""

    def __init__(self, places_max: Callable[[], int]) -> None:
        """``places_max`` is asked each time; below one it counts as one."""
        self._places_max = places_max
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def allowed(self) -> int:
        """How many places there are at this moment."""
        return max(1, self._places_max())

    @property
    def beyond(self) -> bool:
        """Whether more are taken than there are by now."""
        return self._taken > self.allowed

    async def take(self) -> None:
        """Wait for a place. Cancelling takes none."""
        self.admit()
        if not self._waiting and self._taken < self.allowed:
            self._taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was let in at the same moment; else it is passed over
                self.give_back()
            raise

    async def keep(self) -> None:
        """Hold a place still; where there are fewer by now, give it back and wait for another one."""
        if self.beyond:
            self.give_back()
            try:
                await self.take()
            except BaseException:
                self._taken += 1  # whoever holds a place gives one back, whatever happens
                raise

    def give_back(self) -> None:
        """A place is free again."""
        self._taken -= 1
        self.admit()

    def admit(self) -> None:
        """Let in who waits, as far as there are places; to be called when the bound has changed."""
        while self._waiting and self._taken < self.allowed:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)

    async def __aenter__(self) -> None:
        """Hold a place."""
        await self.take()

    async def __aexit__(self, *_error: object) -> None:
        self.give_back()


@dataclass(frozen=True, slots=True)
class CallStatus:
    """How many calls to one side may be under way, and why not more.

    ``throttled_at`` is when it last asked for less, in seconds since the epoch, and ``message`` what it
    said; None and empty where it never did.
    """

    side: str
    calls_allowed: int
    calls_max: int
    throttled_at: float | None
    message: str


class Calls(Places):
    """Places for the calls to one side. One that is to be repeated holds its place, as long as it may."""

    def __init__(self, side: str, calls_max: Callable[[], int], clock: Clock) -> None:
        super().__init__(self._paced)
        self._side = side
        self._calls_max = calls_max
        self._clock = clock
        self._pace = Pace(clock.monotonic())
        self._throttled: tuple[float, str] | None = None

    def note(self, failures: Iterable[BaseException] = ()) -> None:
        """A call has ended, with these failures."""
        throttle = next((error for error in failures if reason_of(error) == THROTTLED), None)
        self._pace.note(self._clock.monotonic(), throttled=throttle is not None)
        if throttle is not None:
            self._throttled = self._clock.wall(), str(throttle)

    async def noting(self, call: Awaitable[T]) -> T:
        """Make a call, and note how it ended."""
        try:
            result = await call
        except ReplicatorError as error:
            self.note((error,))
            raise
        self.note()
        return result

    def status(self) -> CallStatus:
        """What is said of it at this moment."""
        at, message = self._throttled or (None, "")
        return CallStatus(self._side, self.allowed, self._calls_max(), at, message)

    def _paced(self) -> int:
        return int(self._calls_max() * self._pace.share(self._clock.monotonic()) + 1e-9)
