"""Pace: the share of a limit that may be used, lowered while a service asks for less. Pure.

Calls are made by many at once, and each one that is throttled waits by itself. That alone keeps as many
knocking as before. So they share one pace, as TCP's congestion control does it (additive increase,
multiplicative decrease; by the share that was affected as in DCTCP, RFC 8257): every second it is lowered
in proportion to how many calls were throttled, to one half where all were, and raised by a fixed step in
proportion to how many were not. One hot key that is throttled now and then leaves the others their pace.
"""

from __future__ import annotations

WINDOW_SECONDS = 1.0
"""So often the share is judged anew."""

RECOVERY_SECONDS = 30.0
"""From nothing to everything, while nothing is throttled."""

SHARE_MIN = 1 / 64


class Pace:
    """The share at each moment, between ``SHARE_MIN`` and 1. Times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._share = 1.0
        self._began = now
        self._calls = 0
        self._throttled = 0

    def share(self, now: float) -> float:
        """The share at this moment."""
        if now - self._began >= WINDOW_SECONDS and self._calls:
            self._judge(self._throttled / self._calls)
            self._calls = self._throttled = 0
            self._began += WINDOW_SECONDS
        quiet = now - self._began
        if quiet >= WINDOW_SECONDS:
            whole = quiet // WINDOW_SECONDS * WINDOW_SECONDS
            self._share = min(1.0, self._share + whole / RECOVERY_SECONDS)
            self._began += whole
        return self._share

    def note(self, now: float, *, throttled: bool) -> None:
        """A call has ended."""
        self.share(now)
        self._calls += 1
        self._throttled += throttled

    def _judge(self, throttled_share: float) -> None:
        lowered = self._share * (1 - throttled_share / 2)
        raised = lowered + (1 - throttled_share) * WINDOW_SECONDS / RECOVERY_SECONDS
        self._share = max(SHARE_MIN, min(1.0, raised))
