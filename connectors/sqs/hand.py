"""The messages in hand: received, kept from others, and deleted or given back in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from connectors.sqs.client import ENTRIES_MAX, Client
from replicator.model.clock import Clock
from replicator.model.errors import ReplicatorError

CALLS_AT_ONCE_MAX = 8


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

    def __init__(self, client: Client, hidden_seconds: int, messages_max: int, clock: Clock) -> None:
        self._client = client
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
                await _in_tens(due, self._delete)
        finally:
            self._make_room()

    async def stay_hidden(self) -> None:
        """Renew the time of what is in hand for long. Raises as ``forget`` does."""
        now = self._clock.monotonic()
        soon = now + self._hidden_seconds * 2 / 3
        await self.hide([each for each in self._held.values() if each.hidden_until < soon])

    async def give_back(self) -> None:
        """Let everything in hand be received again at once. Raises as ``forget`` does."""
        messages = list(self._held.values())
        self._held.clear()
        self._make_room()
        now = self._clock.monotonic()
        await self.let_go([each for each in messages if each.hidden_until > now])

    async def hide(self, messages: Sequence[Held]) -> None:
        """Hide these for the usual time from now on."""
        until = self._clock.monotonic() + self._hidden_seconds

        async def hide(some: Sequence[Held]) -> None:
            await self._client.hide([each.receipt for each in some], self._hidden_seconds)
            for each in some:
                each.hidden_until = until

        await _in_tens(messages, hide)

    async def leave(self, messages: Sequence[Held], seconds: int) -> None:
        """Hide these for so long, without having them in hand. Raises as ``forget`` does."""
        await _in_tens(messages, lambda some: self._client.hide([each.receipt for each in some], seconds))

    async def let_go(self, messages: Sequence[Held]) -> None:
        """Show these again, the first ones first, so that a group keeps its order."""
        await _in_tens(messages, lambda some: self._client.hide([each.receipt for each in some], 0))

    async def _delete(self, messages: Sequence[Held]) -> None:
        """Delete these; one that came again meanwhile stays, as only its newest receipt surely deletes it.

        Source: SQS API reference, DeleteMessage.
        """
        receipts = [each.receipt for each in messages]
        await self._client.delete(receipts)
        for each, receipt in zip(messages, receipts, strict=True):
            if each.receipt == receipt:
                self._held.pop(each.id, None)

    def _make_room(self) -> None:
        if len(self._held) < self._messages_max:
            self._room.set()
        else:
            self._room.clear()


async def _in_tens(messages: Sequence[Held], call: Callable[[Sequence[Held]], Awaitable[None]]) -> None:
    """Make the call for ten messages at a time; all are tried before a failure is raised."""
    at_once = asyncio.Semaphore(CALLS_AT_ONCE_MAX)

    async def bounded(some: Sequence[Held]) -> None:
        async with at_once:
            await call(some)

    tens = [messages[begin : begin + ENTRIES_MAX] for begin in range(0, len(messages), ENTRIES_MAX)]
    answers = await asyncio.gather(*map(bounded, tens), return_exceptions=True)
    failures = [each for each in answers if isinstance(each, BaseException)]
    for failure in sorted(failures, key=lambda each: isinstance(each, ReplicatorError)):
        raise failure
