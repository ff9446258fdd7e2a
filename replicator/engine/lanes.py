"""Lanes: the queue in which one key's writes wait their turn, and the batches that are cut from them.

Pure data, no waiting. A key has a lane only while something of it is pending. Of several waiting
changes of one key only the newest state is written, and it resolves them all. Lanes that can share a
call stand together by operation and group, and groups take turns.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Protocol

from replicator.engine.tracker import Ticket
from replicator.model.change import Change
from replicator.model.key import Key

ROW = 0
"""May turn out to have nothing to do, so it must never take the place of anything stronger."""

RESTORE = 1
"""Brings the source's present state, whatever was waiting."""

CHANGE = 2
"""Brings a state that the delta will follow up; nothing else may be written in its stead."""


class Operation(Protocol):
    """What writing does to the sink; see ``operations``."""

    @property
    def name(self) -> str:
        """What can share a call has the same name."""

    @property
    def rank(self) -> int:
        """``ROW``, ``RESTORE`` or ``CHANGE``: which of two waiting writes of a key is carried out."""

    @property
    def by_state(self) -> bool:
        """Whether it looks for itself what to write, in calls that the sink bounds one by one."""

    async def perform(self, changes: Sequence[Change]) -> None:
        """Write; raises as ``Writes.write`` does."""


class Write:
    """One state on its way: what to do, for whom, and since when it has been waiting."""

    __slots__ = ("change", "operation", "partition", "since", "tickets")

    def __init__(self, operation: Operation, change: Change, ticket: Ticket, partition: str | None) -> None:
        self.operation = operation
        self.change = change
        self.tickets: Ticket | list[Ticket] = ticket
        self.partition = partition
        self.since = change.committed_at

    def resolve(self) -> None:
        """Tell everyone who waits for this write."""
        tickets = self.tickets
        if isinstance(tickets, Ticket):
            tickets.resolve()
        else:
            for ticket in tickets:
                ticket.resolve()

    def merge(self, newer: Write) -> Write:
        """The one of two waiting writes of a key that is carried out; it resolves both.

        That of the higher rank, and of equal ranks the newer.
        """
        kept = newer if newer.operation.rank >= self.operation.rank else self
        kept.tickets = [*_as_list(self.tickets), *_as_list(newer.tickets)]
        kept.partition = self.partition or newer.partition
        if self.partition is not None:
            kept.since = self.since
        return kept


class Lane:
    """The writes of one key: at most one under way, at most one waiting behind it."""

    __slots__ = ("group", "key", "waiting", "writing")

    def __init__(self, key: Key, group: Hashable, first: Write) -> None:
        self.key = key
        self.group = group
        self.waiting: Write | None = first
        self.writing: Write | None = None


Slot = tuple[str, Hashable]
"""An operation's name and a group: what one call can hold."""


class Lanes:
    """All lanes, and the slots whose turn it is."""

    def __init__(self, group: Callable[[Key], Hashable], offer: Callable[[Slot], None]) -> None:
        """``offer`` is told of each slot that has work, once per turn; ``take`` is the answer to it."""
        self._group = group
        self._offer = offer
        self._lanes: dict[Key, Lane] = {}
        self._ready: dict[Slot, deque[Lane]] = {}

    def __len__(self) -> int:
        return len(self._lanes)

    def submit(
        self, operation: Operation, changes: Iterable[Change], ticket: Ticket, partition: str | None
    ) -> None:
        """Queue the changes, each in its key's lane, in this order."""
        lanes = self._lanes
        for change in changes:
            write = Write(operation, change, ticket, partition)
            lane = lanes.get(change.key)
            if lane is None:
                lane = lanes[change.key] = Lane(change.key, self._group(change.key), write)
                self._stand(lane, operation.name)
            elif lane.waiting is None:
                lane.waiting = write
            else:
                lane.waiting = lane.waiting.merge(write)

    def take(self, slot: Slot, changes_max: int) -> list[Lane]:
        """Up to so many lanes of the slot, now under way; the slot is offered again if more stand there."""
        standing = self._ready[slot]
        taken: list[Lane] = []
        while standing and len(taken) < changes_max:
            lane = standing.popleft()
            write = lane.waiting
            if write is None or write.operation.name != slot[0]:
                self._stand_again(lane)
                continue
            lane.writing, lane.waiting = write, None
            taken.append(lane)
        if standing:
            self._offer(slot)
        else:
            del self._ready[slot]
        return taken

    def release(self, lanes: Iterable[Lane]) -> None:
        """The writes under way are over: the next of each key may go."""
        for lane in lanes:
            lane.writing = None
            if lane.waiting is None:
                del self._lanes[lane.key]
            else:
                self._stand(lane, lane.waiting.operation.name)

    def pending(self) -> Iterator[Write]:
        """Every write that is not durable yet; those under way before those that wait."""
        for lane in self._lanes.values():
            if lane.writing is not None:
                yield lane.writing
            if lane.waiting is not None:
                yield lane.waiting

    def _stand(self, lane: Lane, operation: str) -> None:
        slot = (operation, lane.group)
        standing = self._ready.get(slot)
        if standing is None:
            self._ready[slot] = deque((lane,))
            self._offer(slot)
        else:
            standing.append(lane)

    def _stand_again(self, lane: Lane) -> None:
        """A waiting write was superseded by one of another operation while its lane stood here."""
        if lane.waiting is not None:
            self._stand(lane, lane.waiting.operation.name)


def _as_list(tickets: Ticket | list[Ticket]) -> list[Ticket]:
    return tickets if isinstance(tickets, list) else [tickets]
