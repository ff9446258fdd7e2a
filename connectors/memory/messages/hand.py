"""What a source has taken from a queue and not yet deleted: in hand, and hidden from others meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from connectors.memory.messages.queue import MemoryQueue, Received, Sent
from replicator.model.change import Position

EXTENSIONS_PER_TIMEOUT = 3
"""How often what is in hand is hidden anew within one visibility time-out."""


class Hand:
    """The hand of one connection.

    A position is the number of a batch behind the number of its receiver. It says what may be deleted and
    nothing else: what was not deleted comes again by itself. That of another receiver, such as the one
    before a restart, deletes nothing.
    """

    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue
        self._receiver = queue.new_number()
        self._batch = 0
        self._taken: dict[int, list[str]] = {}  # batch to receipts, in order
        self._keeping = asyncio.create_task(self._keep(), name=f"hide what receiver {self._receiver} has")

    @property
    def position(self) -> Position:
        """The place after the last batch."""
        return f"{self._receiver}.{self._batch}"

    def take(self, limit: int) -> Sequence[Received]:
        """Take a batch; empty where nothing shows. It does not await, so that no cancelling loses it."""
        if self._keeping.done():
            self._keeping.result()
        received = self._queue.receive(limit)
        if received:
            self._batch += 1
            self._taken[self._batch] = [each.receipt for each in received]
        return received

    def oldest_elsewhere(self) -> Sent | None:
        """The message that was sent first of those not in this hand.

        One that is hidden in another hand counts: whoever took it may have died with it.
        """
        return self._queue.oldest_but(set(self._receipts()))

    def leave(self, receipt: str) -> None:
        """Never delete this one: it is not ours. It stays hidden until the hand is released."""
        self._taken[self._batch].remove(receipt)
        self._taken.setdefault(0, []).append(receipt)

    def delete(self, position: Position) -> None:
        """Delete everything up to a position of this receiver."""
        receiver, batch = map(int, position.split("."))
        if receiver != self._receiver:
            return
        for done in [number for number in self._taken if 0 < number <= batch]:
            self._queue.delete(self._taken.pop(done))

    async def release(self) -> None:
        """Give back everything that was not deleted, at once."""
        self._keeping.cancel()
        await asyncio.wait((self._keeping,))  # awaited itself, its end would pass for the caller's own
        self._queue.hide(self._receipts(), 0)
        self._taken.clear()

    async def _keep(self) -> None:
        """Hide what is in hand anew, again and again, however long it takes to be committed."""
        while True:
            await asyncio.sleep(self._queue.visibility_seconds / EXTENSIONS_PER_TIMEOUT)
            self._queue.hide(self._receipts(), self._queue.visibility_seconds)

    def _receipts(self) -> list[str]:
        return [receipt for receipts in self._taken.values() for receipt in receipts]
