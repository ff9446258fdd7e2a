"""A queue that is watched, and that forgets now and then who has what."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from connectors.memory.messages.queue import MemoryQueue, Received, Sent
from connectors.memory.messages.unrest import Unrest
from replicator.model.clock import Clock
from replicator.model.record import Attribute


@dataclass(frozen=True)
class Weather(Unrest):
    """Unrest that ends."""

    is_over: Callable[[], bool] = lambda: False

    def happens(self, rate: float) -> bool:
        """Nothing happens any more when all is healed."""
        return not self.is_over() and super().happens(rate)


class WatchedQueue(MemoryQueue):
    """The queue.

    Attributes:
        last_id: of the message that was sent last.
        receiving: called whenever somebody takes from the queue.
        deleting: called with every message that is about to be deleted.
    """

    def __init__(
        self, clock: Clock, visibility_seconds: float, unrest: Unrest, *, fifo: bool = False
    ) -> None:
        super().__init__(clock, fifo=fifo, visibility_seconds=visibility_seconds, unrest=unrest)
        self.last_id = ""
        self.receiving: Callable[[], None] = lambda: None
        self.deleting: Callable[[Sent], None] = lambda _: None

    def send(
        self,
        body: str,
        attributes: Mapping[str, Attribute] | None = None,
        group: str | None = None,
        deduplication_id: str | None = None,
    ) -> str:
        """Put a message in."""
        self.last_id = super().send(body, attributes, group, deduplication_id)
        return self.last_id

    def receive(self, limit: int) -> Sequence[Received]:
        """Take messages, seen by the watcher."""
        self.receiving()
        return super().receive(limit)

    def delete(self, receipts: Sequence[str]) -> None:
        """Forget messages, after the watcher has looked at each."""
        for delivery in self._having(receipts):
            self.deleting(delivery.message)
        super().delete(receipts)

    @contextmanager
    def losing(self) -> Iterator[None]:
        """Lose every message that is sent meanwhile, unless all is healed."""
        unrest, self._unrest = self._unrest, replace(self._unrest, lose=1.0)
        try:
            yield
        finally:
            self._unrest = unrest

    def show_again(self, chance: random.Random) -> None:
        """Let what is out show before its time, all of it or some: as where no extension came through."""
        share = chance.choice((0.5, 1.0))
        for delivery in self._deliveries:
            if delivery.receipt is not None and chance.random() < share:
                delivery.hidden_until = 0.0
