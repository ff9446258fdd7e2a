"""A source under test, and a reader that uses it as the engine does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from replicator.connector import Source, Start
from replicator.model.change import Batch, Change, Kind, Positions
from replicator.model.errors import TransientError
from replicator.model.key import Key
from replicator.model.values import Value
from replicator.testing.expect import attributes_of, expect, expect_that, number_of


@dataclass(frozen=True)
class SourceHarness:
    """What a check needs of the system under test.

    Attributes:
        open_source: a new, unconnected source of the system.
        put, delete: write to the system as its users do; return once it is committed.
        split: make the system divide a partition, if it can.
        patience_seconds: how long a change or a proof may take to come.
    """

    open_source: Callable[[], Awaitable[Source]]
    put: Callable[[Key, dict[str, Value]], Awaitable[None]]
    delete: Callable[[Key], Awaitable[None]]
    split: Callable[[], Awaitable[None]] | None = None
    patience_seconds: float = 20.0

    async def write(self, key: Key, number: int) -> None:
        """Put a record with this number."""
        await self.put(key, attributes_of(key, number))


@dataclass
class Reading:
    """Reads a source as the engine does, and keeps what it delivered."""

    source: Source
    patience_seconds: float
    batches: list[Batch] = field(default_factory=list)
    positions: dict[str, str] = field(default_factory=dict)
    open_partitions: set[str] = field(default_factory=set)

    async def connect(self, positions: Positions | None) -> Start:
        """Connect, and begin from what the source answers."""
        start = await self.source.connect(positions)
        self.positions = dict(start.positions)
        self.open_partitions = set(start.open_partitions)
        return start

    async def until(self, condition: Callable[[], bool], promise: str) -> None:
        """Read until the condition holds; a transient error is followed by another read."""
        try:
            async with asyncio.timeout(self.patience_seconds):
                while not condition():
                    await self.step()
        except TimeoutError:
            numbers = self.numbers()
            raise AssertionError(f"{promise}: not within {self.patience_seconds} s; {numbers}") from None

    async def step(self) -> None:
        """Read once."""
        try:
            self.take(await self.source.read())
        except TransientError:
            await asyncio.sleep(0.02)

    def take(self, batch: Batch) -> None:
        """Note a batch and what it says of partitions."""
        expect_that(batch.partition in self.positions, "a batch is of a partition that is known")
        self.batches.append(batch)
        self.positions[batch.partition] = batch.position
        for child, position in (batch.opened or {}).items():
            self.positions[child] = position
            self.open_partitions.add(child)
        if batch.ended:
            self.open_partitions.discard(batch.partition)
        for gone in batch.forgotten:
            self.positions.pop(gone, None)

    @property
    def changes(self) -> list[Change]:
        """All changes, in the order of delivery."""
        return [change for batch in self.batches for change in batch.changes]

    def numbers(self) -> dict[Key, list[int | None]]:
        """The numbers delivered for each key, in order; None for a delete."""
        found: dict[Key, list[int | None]] = {}
        for change in self.changes:
            expect((change.record is None), change.kind is Kind.DELETE, "only a delete has no record")
            found.setdefault(change.key, []).append(number_of(change.record))
        return found

    def has(self, key: Key, number: int | None) -> bool:
        """Whether this state of the key was delivered."""
        return number in self.numbers().get(key, [])
