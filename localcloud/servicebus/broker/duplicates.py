"""Duplicate detection: each message id is taken once within a window."""

__all__ = ["Duplicates"]


class Duplicates:
    """The ids that were taken, oldest first.

    An id counts from when it was sent, also where its message was scheduled, cancelled, or is long gone
    (duplicate-detection page of the Service Bus documentation; the cancelled case is inferred from it).

    Args:
        window_ms: how long an id counts; None detects nothing.
    """

    def __init__(self, window_ms: int | None) -> None:
        self.window_ms = window_ms
        self._taken: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, message_id: str | None, now_ms: int) -> bool:
        """Take an id; False where it counts already. A message without one is never a duplicate."""
        if self.window_ms is None or message_id is None:
            return True
        self._forget(now_ms - self.window_ms)
        if message_id in self._taken:
            return False
        self._taken[message_id] = now_ms
        return True

    def restore(self, message_id: str, at_ms: int) -> None:
        """Take an id as of a time, later than all others'."""
        self._taken.pop(message_id, None)
        self._taken[message_id] = at_ms

    def items(self) -> list[tuple[str, int]]:
        """Return the ids and when they were taken, oldest first."""
        return list(self._taken.items())

    def _forget(self, before_ms: int) -> None:
        old = []
        for message_id, at_ms in self._taken.items():
            if at_ms > before_ms:
                break
            old.append(message_id)
        for message_id in old:
            del self._taken[message_id]
