"""How fast one shard may be read. Pure; times are monotonic seconds.

A shard gives a few calls and about 2 MB a second to all of its readers together, of which there may be two,
or one where the table is a global one (DynamoDB Developer Guide, Service Quotas, "Simultaneous readers of a
shard"). The other is usually the workload's own function. So as soon as the service throttles, the shard is
read slower, by half each time, and by a step faster again for each second without a throttle.
"""

from __future__ import annotations

CALLS_PER_SECOND = 5.0
"""What the service is taken to allow once it has throttled; its sibling says so (Kinesis, GetRecords)."""

BYTES_PER_SECOND = 2 * 1024 * 1024
"""Likewise."""

SLOWEST = 0.2
RECOVERY_PER_SECOND = 0.1
REMEMBERED_SECONDS = 60.0
"""So long after a throttle the shard is read no faster than ``CALLS_PER_SECOND``."""


class ReadRate:
    """Calls a second for one shard, from the moment of a throttle on; free before it, and long after."""

    def __init__(self) -> None:
        self._calls_per_second = CALLS_PER_SECOND
        self._throttled_at: float | None = None
        self._counted_at = 0.0

    def slow_down(self, now: float) -> None:
        """The service throttled."""
        rate = self.calls_per_second(now) or CALLS_PER_SECOND
        self._calls_per_second = max(SLOWEST, rate / 2)
        self._throttled_at = self._counted_at = now

    def calls_per_second(self, now: float) -> float | None:
        """The rate at this moment; None where nothing holds it back."""
        if self._throttled_at is None or now - self._throttled_at >= REMEMBERED_SECONDS:
            return None
        earned = (now - self._counted_at) * RECOVERY_PER_SECOND
        return min(CALLS_PER_SECOND, self._calls_per_second + earned)

    def pause_seconds(self, size_bytes: int, now: float) -> float:
        """How long after a page of this size the next one may be asked for."""
        rate = self.calls_per_second(now)
        if rate is None:
            return 0.0
        return max(1.0, CALLS_PER_SECOND * size_bytes / BYTES_PER_SECOND) / rate
