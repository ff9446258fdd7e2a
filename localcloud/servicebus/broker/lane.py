"""Messages that wait to be received, lowest sequence number first."""

from heapq import heappop, heappush

__all__ = ["Lane"]


class Lane:
    """Numbers of waiting messages; a message given back takes its old place.

    It may name messages that wait no more: whoever takes a number looks.
    """

    def __init__(self) -> None:
        self._numbers: list[int] = []

    def __len__(self) -> int:
        return len(self._numbers)

    def push(self, number: int) -> None:
        """Let a message wait."""
        heappush(self._numbers, number)

    def first(self) -> int:
        """Return the lowest number.

        Raises:
            IndexError: none is left.
        """
        return self._numbers[0]

    def pop(self) -> int:
        """Take the lowest number out.

        Raises:
            IndexError: none is left.
        """
        return heappop(self._numbers)
