"""The messages of one queue by sequence number, counted, and written down as they change."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

from localcloud.servicebus.broker.journal import Journal
from localcloud.servicebus.broker.message import Message, State

__all__ = ["Store"]


class Store:
    """Messages by number; numbers only ever rise.

    Args:
        path: of the queue.
        journal: told of every change.

    Attributes:
        last: the highest number that a message had.
        counts: of messages, by state.
        size_bytes: of all messages, as they were sent.
    """

    def __init__(self, path: str, journal: Journal) -> None:
        self._path = path
        self._journal = journal
        self._messages: dict[int, Message] = {}
        # Ascending; may name messages that are gone, until there are too many of those.
        self._numbers: list[int] = []
        self.last = 0
        self.counts: Counter[State] = Counter()
        self.size_bytes = 0

    def __iter__(self) -> Iterator[Message]:
        return iter(list(self._messages.values()))

    def get(self, number: int) -> Message | None:
        """Return the message of that number."""
        return self._messages.get(number)

    def add(self, message: Message) -> None:
        """Put a message behind all others, under a new number."""
        message.number = self.last + 1
        self.restore(message)
        self._journal.kept(self._path, message)

    def restore(self, message: Message) -> None:
        """Put back a message that has its number, higher than all that are there."""
        self.last = max(self.last, message.number)
        self._messages[message.number] = message
        self._numbers.append(message.number)
        self.counts[message.state] += 1
        self.size_bytes += message.size_bytes

    def remove(self, message: Message) -> None:
        """Take a message out."""
        del self._messages[message.number]
        self.counts[message.state] -= 1
        self.size_bytes -= message.size_bytes
        self._journal.removed(self._path, message.number)
        if len(self._numbers) > 2 * len(self._messages) + 1024:
            self._numbers = list(self._messages)

    def change(self, message: Message, state: State) -> None:
        """Note that a message's state or its count of deliveries is another."""
        self.counts[message.state] -= 1
        self.counts[state] += 1
        message.state = state
        self._journal.kept(self._path, message)

    def reserve(self) -> int:
        """Return a number that no message will have."""
        self.last += 1
        return self.last

    def browse(self, number: int) -> Iterator[Message]:
        """Yield the messages from a number on, in order."""
        numbers = self._numbers
        for at in range(bisect_left(numbers, number), len(numbers)):
            message = self._messages.get(numbers[at])
            if message is not None:
                yield message
