"""What a round of receiving proves. Pure.

A receive call that waits asks all of the queue's servers, and answers with what they have, up to what it
may hold (SQS developer guide, short and long polling). So a round that waited and was not full has left
nothing that was visible when it began. What a FIFO queue keeps back, because an earlier message of its
group was in hand, shows in a later round: it has been read once such a round began after those were
deleted.
"""

from __future__ import annotations

from collections.abc import Callable


class Freshness:
    """Up to which moment the queue has been read."""

    def __init__(self, *, fifo: bool) -> None:
        self._fifo = fifo
        self._candidate: tuple[float, int] | None = None
        self._began = 0.0
        self._position = 0
        self._is_free = False
        self._is_candidate_free = False

    def begin(self, began: float, position: int, is_free_of: Callable[[int], bool]) -> None:
        """A round begins at this moment, when everything up to ``position`` has been given out.

        ``is_free_of`` tells whether nothing that was given out up to a position is in hand now.
        """
        self._began, self._position = began, position
        self._is_free = not self._fifo or is_free_of(position)
        self._is_candidate_free = self._candidate is not None and is_free_of(self._candidate[1])

    def end(self) -> float | None:
        """The round waited, and was not full: up to which moment everything has been delivered, or None."""
        if self._is_free:
            self._candidate = None
            return self._began
        proved, candidate = None, self._candidate
        if candidate is not None and self._is_candidate_free:
            proved, candidate = candidate[0], None
        self._candidate = candidate or (self._began, self._position)
        return proved


class Marks:
    """End messages that were asked for, and whether they have come out."""

    def __init__(self) -> None:
        self._sent: dict[str, float] = {}
        self._seen: set[str] = set()

    def add(self, name: str, sent_at: float) -> None:
        """An end message was sent before this moment, in seconds since the epoch."""
        self._sent[name] = sent_at

    def see(self, name: str) -> None:
        """It has come out. One of an earlier process is nobody's any more."""
        if name in self._sent:
            self._seen.add(name)

    def take_proved(self, read_to: float) -> tuple[str, ...]:
        """Those that have come out, now that everything sent before this moment was delivered."""
        proved = tuple(name for name in self._seen if self._sent[name] <= read_to)
        for name in proved:
            self._seen.discard(name)
            del self._sent[name]
        return proved
