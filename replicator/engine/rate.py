"""Rates: how fast a counter grows, over a window that forgets."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 15.0


class Rate:
    """Growth per second of a counter, from samples of the last ``WINDOW_SECONDS``."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque()

    def sample(self, at: float, value: float) -> None:
        """Note the counter's value at a monotonic time; a value that shrank begins anew."""
        if self._samples and value < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((at, value))
        while at - self._samples[0][0] > WINDOW_SECONDS:
            self._samples.popleft()

    def per_second(self) -> float | None:
        """None while fewer than two samples are known."""
        if len(self._samples) < 2:
            return None
        (first_at, first), (last_at, last) = self._samples[0], self._samples[-1]
        return (last - first) / (last_at - first_at) if last_at > first_at else None
