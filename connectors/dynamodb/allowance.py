"""How fast a table may be scanned. Pure.

What a page costs is known only after it was read, so a page is never refused; the next one waits until
what was spent is earned again.
"""

from __future__ import annotations

_SLOWEST = 1 / 32
_RECOVERY = 1.05
_BURST_SECONDS = 1.0


class Allowance:
    """Read units, earned at a rate and spent page by page.

    A throttle halves the rate; every page after it raises the rate again, up to the full one.
    Times are monotonic seconds.
    """

    def __init__(self, units_per_second: float, now: float) -> None:
        self._rate_max = units_per_second
        self._share = 1.0
        self._units = 0.0
        self._counted_at = now
        self._units_per_item = 1.0

    @property
    def units_per_second(self) -> float:
        """The present rate."""
        return self._rate_max * self._share

    def wait_seconds(self, now: float) -> float:
        """How long the next page has to wait."""
        self._earn(now)
        return max(0.0, -self._units / self.units_per_second)

    def items_max(self) -> int | None:
        """How many items the next page may hold, so that it costs about one second's units at most.

        None where a page of 1 MB is within that: 256 units, strongly consistent (one per 4 KB).
        """
        if self.units_per_second >= 256:
            return None
        return max(1, int(self.units_per_second / self._units_per_item))

    def spend(self, units: float, items: int, now: float) -> None:
        """A page was read."""
        self._earn(now)
        self._units -= units
        if items:
            self._units_per_item = max(units / items, 0.01)
        self._share = min(1.0, self._share * _RECOVERY)

    def slow_down(self) -> None:
        """The service throttled: the workload needs its capacity itself."""
        self._share = max(_SLOWEST, self._share / 2)

    def _earn(self, now: float) -> None:
        earned = max(0.0, now - self._counted_at) * self.units_per_second
        self._units = min(self._units + earned, self.units_per_second * _BURST_SECONDS)
        self._counted_at = now
