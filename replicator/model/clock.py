"""Time, as the engine sees it; the simulator brings its own."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: ``wall`` may step and is compared with source times; ``monotonic`` never does."""

    def wall(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; the clock that ``asyncio.sleep`` obeys."""


class SystemClock:
    """The machine's wall clock and its monotonic one, by which event loops go."""

    def wall(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds on the clock of the event loop, read anew: a loop may keep its own for a whole round."""
        return time.monotonic()
