"""Marks that were put into a queue and have to prove something before they come out."""

from __future__ import annotations

from connectors.memory.messages.queue import Sent


class ReadMarks:
    """Marks that have been read. One is out when all that was sent before it is in hand or was deleted.

    A mark may overtake what was sent before it: a standard queue keeps no order, and in a FIFO queue it
    has a group of its own. A service that cannot tell what is elsewhere has to ask for less, and to say so.
    """

    def __init__(self) -> None:
        self._read: dict[str, int] = {}

    def add(self, name: str, number: int) -> None:
        """The mark came with the message of this number."""
        self._read.setdefault(name, number)

    def take_proved(self, oldest: Sent | None) -> tuple[str, ...]:
        """Those that are out now; each is given once. ``oldest`` is the oldest message not in hand."""
        proved = [name for name, number in self._read.items() if oldest is None or number < oldest.number]
        for name in proved:
            del self._read[name]
        return tuple(proved)
