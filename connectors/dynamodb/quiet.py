"""When a shard counts as read although it delivers nothing. Pure.

An empty page proves nothing by itself: DynamoDB Streams gives empty pages on the way to records. Nothing
but empty pages throughout a bound is taken as proof, by time.
"""

from __future__ import annotations

from collections import deque


class Quiet:
    """The empty pages of one shard since its last record, by when they were asked for."""

    PAGES_MIN = 3

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._asked: deque[tuple[float, float]] = deque()

    def heard(self) -> None:
        """A record came: the silence is over."""
        self._asked.clear()

    def empty(self, asked_at: float, asked_wall: float, now: float) -> float | None:
        """Take note of an empty page.

        Args:
            asked_at: when it was asked for, in monotonic seconds.
            asked_wall: the same moment in seconds since the epoch.
            now: the present, in monotonic seconds.

        Returns:
            The wall time up to which the shard counts as read: that of the youngest request since
            which the bound has passed with empty pages only. None where too few came, or too early.
        """
        self._asked.append((asked_at, asked_wall))
        proved = None
        while len(self._asked) >= self.PAGES_MIN and now - self._asked[0][0] >= self._seconds:
            proved = self._asked.popleft()[1]
        return proved
