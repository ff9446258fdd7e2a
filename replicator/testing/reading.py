"""A source under test, and a reader that uses it as the engine does, whatever the shape of its state."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from replicator.connector import Backlogs, Estimates, Probes, Retains, Severity, Source, Start
from replicator.model.change import Batch, Change, Kind, Positions
from replicator.model.errors import NotConnectedError, TransientError
from replicator.model.key import Key, key_text
from replicator.model.values import Value
from replicator.testing.expect import attributes_of, expect, expect_that, number_of

S = TypeVar("S", bound=Source)


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
    commits: bool = False
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
            came = [f"{change.kind.value} {key_text(change.key)}" for change in self.changes[-20:]]
            raise AssertionError(f"{promise}: not within {self.patience_seconds} s; {came}") from None

    async def until_proved(self) -> None:
        """Read until every open partition proves itself read up to after now."""
        moment = time.time() + 0.1

        def all_proved() -> bool:
            proved = {each.partition: each.read_to for each in self.batches if each.read_to is not None}
            return all(proved.get(name, 0.0) > moment for name in self.open_partitions)

        await self.until(all_proved, "every open partition proves itself read")

    async def until_marked(self, mark: str) -> None:
        """Read until the mark comes out."""
        await self.until(lambda: mark in self.marks, "a mark comes out")

    async def step(self) -> None:
        """Read once; commit what was read, where that is wanted."""
        try:
            self.take(await self.source.read())
            if self.commits:
                await self.commit()
        except TransientError:
            await asyncio.sleep(0.02)

    async def commit(self) -> None:
        """Say that everything that was read may be forgotten."""
        await self.source.commit(dict(self.positions))

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

    @property
    def marks(self) -> set[str]:
        """The marks that have come out."""
        return {name for batch in self.batches for name in batch.marks}

    def count(self, key: Key) -> int:
        """How many changes of the key were delivered."""
        return sum(change.key == key for change in self.changes)

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


CLOCK_SECONDS = 5.0
"""How far the clocks of a source and of the check may be apart."""


@asynccontextmanager
async def opened(
    open_source: Callable[[], Awaitable[S]],
    patience_seconds: float,
    positions: Positions | None = None,
    *,
    commits: bool = False,
) -> AsyncIterator[tuple[S, Reading]]:
    """A new source and its reading, connected; closed at the end."""
    source = await open_source()
    reading = Reading(source, patience_seconds, commits)
    try:
        await reading.connect(positions)
        yield source, reading
    finally:
        await source.close()


async def check_reconnects(reading: Reading) -> None:
    """A closed source refuses to read until it is connected again."""
    await reading.source.close()
    try:
        await reading.source.read()
    except NotConnectedError:
        await reading.connect(dict(reading.positions))
    else:
        raise AssertionError("reading a closed source must raise NotConnectedError")


async def check_probe(system: object) -> None:
    """A probe of a system that works finds no error."""
    if isinstance(system, Probes):
        errors = [one for one in await system.probe() if one.severity is Severity.ERROR]
        expect(errors, [], "what a probe finds wrong with a good system")


async def check_figures(system: object) -> None:
    """Estimate, backlog and retention are never negative; retention is never nothing."""
    if isinstance(system, Estimates):
        estimate = await system.estimate()
        expect_that(estimate is None or estimate >= 0, f"an estimate of {estimate}")
    if isinstance(system, Backlogs):
        backlog = await system.backlog()
        expect_that(backlog.changes is None or backlog.changes >= 0, f"a backlog of {backlog}")
        expect_that(
            backlog.oldest_seconds is None or backlog.oldest_seconds >= 0, f"a backlog of {backlog}"
        )
    if isinstance(system, Retains):
        expect_that(system.retention_seconds > 0, "a source keeps changes for some time")


async def check_closing(source: Source) -> None:
    """A source may be closed at any time, more than once."""
    await source.close()
    await source.connect(None)
    await source.close()
    await source.close()
