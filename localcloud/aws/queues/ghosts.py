"""Messages of one queue that come a second time after they were deleted, as SQS says they may."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

__all__ = ["Ghosts"]


@dataclass
class _Ghost:
    message: dict[str, Any]
    visible_at: float
    receipts: int


class Ghosts:
    """Deleted messages that are to be seen again, by their present receipt handle. Times are in seconds."""

    def __init__(self) -> None:
        self._by_handle: dict[str, _Ghost] = {}

    def __len__(self) -> int:
        return len(self._by_handle)

    def add(self, message: dict[str, Any], visible_at: float) -> None:
        """Let a message, as it was received, come again from a time on."""
        receipts = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
        self._by_handle[str(uuid4())] = _Ghost(message, visible_at, receipts)

    def visible(self, now: float) -> int:
        """Return how many may be received now."""
        return sum(ghost.visible_at <= now for ghost in self._by_handle.values())

    def next_seconds(self, now: float) -> float | None:
        """Return in how many seconds the next one may be received, or None where there is none."""
        return min((ghost.visible_at - now for ghost in self._by_handle.values()), default=None)

    def receive(self, count: int, now: float, visibility_seconds: float) -> Iterator[dict[str, Any]]:
        """Yield at most so many messages, each with a new handle, and hide them for a while."""
        seen = [handle for handle, ghost in self._by_handle.items() if ghost.visible_at <= now]
        for old in seen[:count]:
            ghost, handle = self._by_handle.pop(old), str(uuid4())
            ghost.visible_at, ghost.receipts = now + visibility_seconds, ghost.receipts + 1
            self._by_handle[handle] = ghost
            message = ghost.message | {"ReceiptHandle": handle}
            if "ApproximateReceiveCount" in message.get("Attributes", {}):
                counted = {"ApproximateReceiveCount": str(ghost.receipts)}
                message["Attributes"] = message["Attributes"] | counted
            yield message

    def delete(self, handle: str) -> bool:
        """Delete the message of a handle for good, and tell whether it was one of these."""
        return self._by_handle.pop(handle, None) is not None

    def hide(self, handle: str, until: float) -> bool:
        """Hide the message of a handle until a time, and tell whether it is one of these."""
        ghost = self._by_handle.get(handle)
        if ghost is not None:
            ghost.visible_at = until
        return ghost is not None
