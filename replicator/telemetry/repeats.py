"""A repeated complaint is one line per interval, with the count of those left out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from structlog.typing import EventDict, WrappedLogger

INTERVAL_SECONDS = 10.0
SUBJECTS_MAX = 1_000
"""The most different complaints remembered; the one longest silent is forgotten first."""

_LIMITED = frozenset({"warning", "error", "critical", "exception"})
_SUBJECT = ("event", "pipeline", "side", "op", "error_code", "reason", "library")


@dataclass(slots=True)
class _Heard:
    at: float
    suppressed: int = 0


class RepeatLimiter:
    """A structlog processor. Lines are alike if event, place and reason are; information passes freely."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._heard: dict[tuple[object, ...], _Heard] = {}
        self._lock = threading.Lock()

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Pass the line on, or drop it."""
        if event.get("level") not in _LIMITED:
            return event
        subject = tuple(event.get(key) for key in _SUBJECT)
        with self._lock:
            suppressed = self._suppressed(subject)
        if suppressed:
            event["suppressed"] = suppressed
        return event

    def _suppressed(self, subject: tuple[object, ...]) -> int:
        now = self._monotonic()
        last = self._heard.get(subject)
        if last is not None and now - last.at < INTERVAL_SECONDS:
            last.suppressed += 1
            raise structlog.DropEvent
        self._heard.pop(subject, None)  # the newest stands last
        self._heard[subject] = _Heard(now)
        if len(self._heard) > SUBJECTS_MAX:
            del self._heard[next(iter(self._heard))]
        return last.suppressed if last is not None else 0
