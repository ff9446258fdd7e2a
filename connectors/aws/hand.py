"""The messages in hand: received, kept from others, and deleted or given back in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from connectors.aws.queue import Queue, in_tens
from replicator.model.clock import Clock


@dataclass(slots=True)
class Held:
    """A message in hand.

    Attributes:
        id, group, receipt: the queue's; the group where it is FIFO.
        hidden_until: on the monotonic clock.
        sent_at: in seconds since the epoch.
        position: that of its batch.
        is_due: it was committed, and is being deleted. Until then it is known when it comes again.
    """

    id: str
    group: str | None
    receipt: str
    hidden_until: float
    sent_at: float = 0.0
    position: int = 0
    is_due: bool = False


class Hand:
    """The messages of one connection to the queue."""

    def __init__(self, queue: Queue, hidden_seconds: int, messages_max: int, clock: Clock) -> None:
        self._queue = queue
        self._hidden_seconds = hidden_seconds
        self._messages_max = messages_max
        self._clock = clock
        self._held: dict[str, Held] = {}
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def kept(self) -> int:
        """How many are certainly still in the queue, hidden."""
        return sum(not each.is_due for each in self._held.values())

    def oldest_sent_at(self) -> float | None:
        """When the oldest of all was sent."""
        return min((each.sent_at for each in self._held.values()), default=None)

    async def room(self) -> None:
        """Wait until there may be more messages in hand."""
        await self._room.wait()

    def is_free_of(self, position: int) -> bool:
        """Whether nothing that was delivered up to this position is in hand any more."""
        return all(each.position > position for each in self._held.values())

    def groups(self) -> Collection[str]:
        """The groups of which something is in hand that was not committed."""
        return {each.group for each in self._held.values() if each.group is not None and not each.is_due}

    def renew(self, message: Held) -> bool:
        """Take the newer receipt of a message that came again while in hand; False where it is not."""
        held = self._held.get(message.id)
        if held is None:
            return False
        held.receipt, held.hidden_until = message.receipt, message.hidden_until
        return True

    def hold(self, position: int, messages: Sequence[Held]) -> None:
        """Keep these hidden until everything up to this position is committed."""
        for message in messages:
            message.position = position
            self._held[message.id] = message
        self._make_room()

    async def forget(self, position: int) -> None:
        """Delete what was delivered up to this position.

        From its begin on, what follows in a FIFO group may come: what goes before it is durable.

        Raises:
            TransientError, PermanentError: some are left, and are still in hand.
        """
        for each in self._held.values():
            each.is_due = each.is_due or each.position <= position
        try:
            while due := [each for each in self._held.values() if each.is_due]:
                await in_tens(due, self._delete)
        finally:
            self._make_room()

    async def stay_hidden(self) -> None:
        """Renew the time of what is in hand for long. Raises as ``forget`` does."""
        now = self._clock.monotonic()
        soon = now + self._hidden_seconds * 2 / 3
        await self.hide([each for each in self._held.values() if each.hidden_until < soon])

    async def give_back(self, *others: Held) -> None:
        """Let everything in hand be received again at once, and these. Raises as ``forget`` does."""
        messages = [*self._held.values(), *others]
        self._held.clear()
        self._make_room()
        now = self._clock.monotonic()
        await self.let_go([each for each in messages if each.hidden_until > now])

    async def hide(self, messages: Sequence[Held]) -> None:
        """Hide these for the usual time from now on."""
        until = self._clock.monotonic() + self._hidden_seconds

        async def hide(some: Sequence[Held]) -> None:
            await self._queue.hide([each.receipt for each in some], self._hidden_seconds)
            for each in some:
                each.hidden_until = until

        await in_tens(messages, hide)

    async def leave(self, messages: Sequence[Held], seconds: int) -> None:
        """Hide these for so long, without having them in hand. Raises as ``forget`` does."""
        await in_tens(messages, lambda some: self._queue.hide([each.receipt for each in some], seconds))

    async def let_go(self, messages: Sequence[Held]) -> None:
        """Show these again, the first ones first, so that a group keeps its order."""
        await in_tens(messages, lambda some: self._queue.hide([each.receipt for each in some], 0))

    async def _delete(self, messages: Sequence[Held]) -> None:
        """Delete these; one that came again meanwhile stays, as only its newest receipt surely deletes it.

        Source: SQS API reference, DeleteMessage.
        """
        receipts = [each.receipt for each in messages]
        await self._queue.delete(receipts)
        for each, receipt in zip(messages, receipts, strict=True):
            if each.receipt == receipt and self._held.get(each.id) is each:
                del self._held[each.id]

    def _make_room(self) -> None:
        if len(self._held) < self._messages_max:
            self._room.set()
        else:
            self._room.clear()
