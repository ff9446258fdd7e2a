"""The clock by which iterators expire, records age and items die; scripts may advance it."""

import time

__all__ = ["Clock"]


class Clock:
    """Wall time plus an offset that only grows."""

    def __init__(self) -> None:
        self._offset_seconds = 0.0

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time() + self._offset_seconds

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds` (>= 0)."""
        if seconds < 0:
            raise ValueError("a clock is only moved forward")
        self._offset_seconds += seconds
