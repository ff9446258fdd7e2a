"""What has become durable: the longest prefix of everything read in which nothing is pending.

All partitions share one sequence, the order in which batches were read. A checkpoint taken from its
durable prefix can never hold a place behind something that is still on its way, within a partition or
across a parent and its children (docs/adr/0002).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from replicator.connector import Start
from replicator.model.change import Batch, Position, Positions


class Ticket:
    """A countdown: ``done`` is called once ``pending`` writes have been resolved."""

    __slots__ = ("done", "pending")

    def __init__(self, pending: int, done: Callable[[], None]) -> None:
        self.pending = pending
        self.done = done

    def resolve(self) -> None:
        """One write is durable, or kept as a dead letter."""
        self.pending -= 1
        if not self.pending:
            self.done()


@dataclass(slots=True)
class Entry:
    """A batch with changes, and the batches without any that followed it."""

    moves: dict[str, Position | None]
    ticket: Ticket
    changes: int
    size_bytes: int
    batches: int = 1


class Tracker:
    """The sequence of batches read, and its durable prefix.

    Attributes:
        read: how many batches have been tracked.
        durable: how many of them, from the first on, are durable without a gap.
        changes_pending, bytes_pending: what the others hold, as a bound for reading on.
    """

    def __init__(self, start: Start) -> None:
        self.read = 0
        self.durable = 0
        self.changes_pending = 0
        self.bytes_pending = 0
        self.advanced: Callable[[], None] = lambda: None
        self._read_positions = dict(start.positions)
        self._durable_positions = dict(start.positions)
        self._sequence: deque[Entry] = deque()

    @property
    def read_positions(self) -> Positions:
        """Where reading goes on after a reconnect: everything before is here already."""
        return self._read_positions

    @property
    def durable_positions(self) -> Positions:
        """What a checkpoint may hold; a snapshot."""
        return dict(self._durable_positions)

    def rebase(self, start: Start) -> None:
        """Take in what a reconnect found: partitions that are new, and those no longer known."""
        new = start.positions.keys() - self._read_positions.keys()
        for positions in (self._read_positions, self._durable_positions):
            for gone in positions.keys() - start.positions.keys():
                del positions[gone]
            positions.update({partition: start.positions[partition] for partition in new})

    def track(self, batch: Batch) -> Ticket:
        """Append a batch; its ticket must be resolved once for each of its changes.

        A batch without changes says only where reading is; it joins the one before it, so that a source
        that goes on saying so takes no room while a change is stuck.
        """
        self.read += 1
        moves = _moves(batch)
        _advance(self._read_positions, moves)
        if batch.changes or not self._sequence:
            entry = Entry(
                moves, Ticket(len(batch.changes), self._settle), len(batch.changes), batch.size_bytes
            )
            self._sequence.append(entry)
            self.changes_pending += entry.changes
            self.bytes_pending += entry.size_bytes
        else:
            entry = self._sequence[-1]
            entry.moves.update(moves)
            entry.batches += 1
        if not entry.ticket.pending:
            self._settle()
        return entry.ticket

    def _settle(self) -> None:
        while self._sequence and not self._sequence[0].ticket.pending:
            entry = self._sequence.popleft()
            _advance(self._durable_positions, entry.moves)
            self.durable += entry.batches
            self.changes_pending -= entry.changes
            self.bytes_pending -= entry.size_bytes
        self.advanced()


def _moves(batch: Batch) -> dict[str, Position | None]:
    """Where a batch takes the positions; None forgets one."""
    return {**(batch.opened or {}), batch.partition: batch.position, **dict.fromkeys(batch.forgotten)}


def _advance(positions: dict[str, Position], moves: Mapping[str, Position | None]) -> None:
    for partition, position in moves.items():
        if position is None:
            positions.pop(partition, None)
        else:
            positions[partition] = position
