"""What has been done to a sink since the pipeline began; read by metrics and status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Written:
    """Counts by operation, and of calls by operation and outcome: ``ok``, ``partial`` or ``failed``."""

    changes: dict[str, int] = field(default_factory=dict)
    calls: dict[tuple[str, str], int] = field(default_factory=dict)
    dead_letters: int = 0
    call_timed: Callable[[str, float], None] = lambda _operation, _seconds: None

    def note(self, operation: str, state: str, changes: int, seconds: float) -> None:
        """One call has ended."""
        self.calls[operation, state] = self.calls.get((operation, state), 0) + 1
        self.changes[operation] = self.changes.get(operation, 0) + changes
        self.call_timed(operation, seconds)
