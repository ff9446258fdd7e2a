"""Marks that were put into a queue and have to prove something before they come out."""

from __future__ import annotations

from connectors.memory.messages.queue import MemoryQueue


class ReadMarks:
    """Marks that have been read. One is out when nothing that was sent before it waits any more.

    A mark may overtake what was sent before it: a standard queue keeps no order, and in a FIFO queue it
    has a group of its own. A service that cannot tell what waits has to ask for less, and to say so.
    """

    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue
        self._read: dict[str, int] = {}

    def add(self, name: str, number: int) -> None:
        """The mark came with the message of this number."""
        self._read.setdefault(name, number)

    def take_proved(self) -> tuple[str, ...]:
        """Those that are out now; each is given once."""
        oldest = self._queue.oldest_waiting()
        proved = [name for name, number in self._read.items() if oldest is None or number < oldest.number]
        for name in proved:
            del self._read[name]
        return tuple(proved)
