"""A queue: what one that is read by taking from it looks like from outside.

Whoever receives a message hides it from others for a while and has to delete it within that time, or it
comes again. Of a FIFO queue a group gives nothing more while one of its messages is hidden.
Source: Amazon SQS developer guide, visibility timeout, FIFO delivery logic.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from connectors.memory.messages.unrest import CALM, Unrest
from replicator.model.clock import Clock, SystemClock
from replicator.model.record import Attribute

VISIBILITY_SECONDS_DEFAULT = 30.0
RETENTION_SECONDS_DEFAULT = 4 * 24 * 3600.0
DUPLICATES_SECONDS = 300.0


class Sent(NamedTuple):
    """A message as it was sent; ``number`` counts all of the queue, and is the order of sending."""

    number: int
    id: str
    body: str
    attributes: Mapping[str, Attribute]
    group: str | None
    deduplication_id: str | None
    sent_at: float
    expires_at: float


class Received(NamedTuple):
    """A message that was given out; only the newest receipt of a delivery counts."""

    message: Sent
    receipt: str
    receives: int


class Counts(NamedTuple):
    """How many deliveries wait to be received, and how many have been and are hidden."""

    waiting: int
    hidden: int


@dataclass(slots=True)
class _Delivery:
    """One copy of a message in the queue; ``receives`` counts how often it was given out."""

    message: Sent
    hidden_until: float = 0.0
    receives: int = 0
    receipt: str | None = None


class MemoryQueue:
    """The queue.

    Args:
        clock: tells when what is hidden shows again, and when messages expire.
        fifo: whether groups keep their order, and one deduplication id in five minutes is one message.
        visibility_seconds: how long a received message is hidden.
        retention_seconds: how long a message is kept.
        unrest: what happens to messages on their way in; a FIFO queue has none.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        fifo: bool = False,
        visibility_seconds: float = VISIBILITY_SECONDS_DEFAULT,
        retention_seconds: float = RETENTION_SECONDS_DEFAULT,
        unrest: Unrest = CALM,
    ) -> None:
        self.clock = clock or SystemClock()
        self.fifo = fifo
        self.visibility_seconds = visibility_seconds
        self.retention_seconds = retention_seconds
        self._unrest = unrest
        self._deliveries: list[_Delivery] = []
        self._sent: dict[str, Sent] = {}
        self._numbers = count(1)
        self._receipts = count(1)
        self._others = count(1)

    def send(
        self,
        body: str,
        attributes: Mapping[str, Attribute] | None = None,
        group: str | None = None,
        deduplication_id: str | None = None,
    ) -> str:
        """Put a message in and return its id: that of an earlier one where this is its duplicate."""
        now = self.clock.wall()
        earlier = self._sent.get(deduplication_id) if self.fifo and deduplication_id is not None else None
        if earlier is not None and earlier.sent_at + DUPLICATES_SECONDS > now:
            return earlier.id
        number = next(self._numbers)
        expires_at = now + self.retention_seconds
        name = f"message-{number:06d}"
        sent = Sent(number, name, body, dict(attributes or {}), group, deduplication_id, now, expires_at)
        if deduplication_id is not None:
            self._sent[deduplication_id] = sent
        for _ in range(self._unrest.copies()):
            self._deliveries.append(_Delivery(sent, now + self._unrest.delay_seconds()))
        return name

    def receive(self, limit: int) -> Sequence[Received]:
        """Take up to so many messages and hide them; those of a FIFO group in their order."""
        now = self.clock.wall()
        self._expire(now)
        blocked = {each.message.group for each in self._deliveries if self.fifo and each.hidden_until > now}
        shown = [
            each
            for each in self._deliveries
            if each.hidden_until <= now and not (self.fifo and each.message.group in blocked)
        ]
        if self._unrest.happens(self._unrest.reorder):
            self._unrest.chance.shuffle(shown)
        return [self._give_out(delivery, now) for delivery in shown[:limit]]

    def hide(self, receipts: Sequence[str], seconds: float) -> None:
        """Hide what was received for so long from now on; 0 shows it again. Old receipts do nothing."""
        until = self.clock.wall() + seconds
        for delivery in self._having(receipts):
            delivery.hidden_until = until
            if not seconds:
                delivery.receipt = None

    def delete(self, receipts: Sequence[str]) -> None:
        """Forget what was received; receipts that are old or used do nothing."""
        gone = {id(delivery) for delivery in self._having(receipts)}
        self._deliveries = [each for each in self._deliveries if id(each) not in gone]

    def counts(self) -> Counts:
        """How many deliveries wait, those that are delayed or blocked included, and how many are out."""
        now = self.clock.wall()
        self._expire(now)
        hidden = sum(self._is_out(each, now) for each in self._deliveries)
        return Counts(len(self._deliveries) - hidden, hidden)

    def oldest_waiting(self) -> Sent | None:
        """The message that was sent first of those that wait."""
        now = self.clock.wall()
        waiting = (each.message for each in self._deliveries if not self._is_out(each, now))
        return min(waiting, key=lambda message: message.number, default=None)

    def oldest_but(self, receipts: Collection[str]) -> Sent | None:
        """The message that was sent first of all that do not have one of these receipts."""
        self._expire(self.clock.wall())
        others = (each.message for each in self._deliveries if each.receipt not in receipts)
        return min(others, key=lambda message: message.number, default=None)

    def new_number(self) -> int:
        """A number not given before, for one who receives, or for a mark."""
        return next(self._others)

    def _give_out(self, delivery: _Delivery, now: float) -> Received:
        delivery.hidden_until = now + self.visibility_seconds
        delivery.receives += 1
        delivery.receipt = f"receipt-{next(self._receipts)}"
        return Received(delivery.message, delivery.receipt, delivery.receives)

    def _having(self, receipts: Sequence[str]) -> list[_Delivery]:
        wanted = set(receipts)
        return [delivery for delivery in self._deliveries if delivery.receipt in wanted]

    def _is_out(self, delivery: _Delivery, now: float) -> bool:
        return delivery.receipt is not None and delivery.hidden_until > now

    def _expire(self, now: float) -> None:
        self._deliveries = [each for each in self._deliveries if each.message.expires_at > now]
