"""The systems of a world of messages that have something to tell the ledger: the bus, and our own disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.memory.messages.bus import MemoryBus, Posted
from replicator.stores import DeadLetter
from replicator.testing.disk import Disk, InMemoryStore


class WatchedBus(MemoryBus):
    """A bus that tells of every message that comes to lie on it.

    Attributes:
        arriving: called with each.
    """

    arriving: Callable[[Posted], None]

    def send(self, messages: Sequence[Posted]) -> None:
        """Put messages on the bus, and tell of those that were no duplicates."""
        before = len(self.messages)
        super().send(messages)
        for posted in self.messages[before:]:
            self.arriving(posted)


class WatchedStore(InMemoryStore):
    """A store that tells what happens to dead letters: ``told`` gets each after its change."""

    def __init__(self, disk: Disk, name: str, told: Callable[[DeadLetter], None]) -> None:
        super().__init__(disk, name)
        self._told = told

    async def add_dead_letters(self, letters: Sequence[DeadLetter], *, epoch: int | None = None) -> None:
        """Keep them, then tell of it."""
        await super().add_dead_letters(letters, epoch=epoch)
        for letter in letters:
            self._told(letter)

    async def settle_dead_letter(self, letter_id: int, state: str, *, epoch: int | None = None) -> bool:
        """Move an open letter on, then tell of it."""
        settled = await super().settle_dead_letter(letter_id, state, epoch=epoch)
        if settled:
            self._told(self._disk.letters[letter_id])
        return settled
