"""A bus: one order of messages, duplicates dropped within a window, and, where it has them, sessions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from connectors.memory.messages.errors import BusError, Refusal
from replicator.model.clock import Clock, SystemClock

MESSAGE_BYTES_MAX = 256 * 1024
DUPLICATES_SECONDS_DEFAULT = 600.0


class Posted(NamedTuple):
    """A message as it lies on the bus."""

    id: str
    body: bytes
    session: str | None = None
    expires_at: float | None = None


class MemoryBus:
    """The bus.

    Args:
        clock: measures the window.
        sessions: whether every message has to name a session.
        message_bytes_max: larger ones are refused for good.
        duplicates_seconds: for how long an id is remembered; a message whose id is known counts as sent,
            and vanishes.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        sessions: bool = False,
        message_bytes_max: int = MESSAGE_BYTES_MAX,
        duplicates_seconds: float = DUPLICATES_SECONDS_DEFAULT,
    ) -> None:
        self.sessions = sessions
        self.message_bytes_max = message_bytes_max
        self.messages: list[Posted] = []
        self._clock = clock or SystemClock()
        self._duplicates_seconds = duplicates_seconds
        self._known: dict[str, float] = {}  # id to when it was sent
        self._scheduled: dict[int, Posted] = {}
        self._numbers = count(1)

    def send(self, messages: Sequence[Posted]) -> None:
        """Put all of them behind each other, or none.

        Raises:
            BusError: names the first message that is refused.
        """
        for message in messages:
            self._check(message)
        now = self._clock.wall()
        for message in messages:
            sent_at = self._known.get(message.id)
            if sent_at is None or sent_at + self._duplicates_seconds <= now:
                self._known[message.id] = now
                self.messages.append(message)

    def schedule(self, message: Posted) -> int:
        """Take a message that nobody sees before its time; returns the number to cancel it by.

        Raises:
            BusError: it is refused.
        """
        self._check(message)
        number = next(self._numbers)
        self._scheduled[number] = message
        return number

    def cancel(self, number: int) -> None:
        """Take back what was scheduled; nobody has seen it."""
        self._scheduled.pop(number, None)

    def _check(self, message: Posted) -> None:
        if len(message.body) > self.message_bytes_max:
            raise BusError(Refusal.TOO_LARGE, message.id)
        if self.sessions and message.session is None:
            raise BusError(Refusal.NO_SESSION, message.id)
