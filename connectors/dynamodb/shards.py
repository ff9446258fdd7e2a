"""Reading one shard: pages into batches, from a place to the shard's end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.aws.outbox import Outbox
from connectors.dynamodb import codec
from connectors.dynamodb.client import Client, RecordsPage
from connectors.dynamodb.config import SourceSettings
from connectors.dynamodb.errors import WAY_OUT, IteratorExpiredError
from connectors.dynamodb.markers import MarkerKeys, token_of
from connectors.dynamodb.positions import Place, Where
from connectors.dynamodb.quiet import Quiet
from connectors.dynamodb.rate import ReadRate
from replicator.model.change import Batch, Change
from replicator.model.clock import Clock
from replicator.model.errors import PositionLostError, TransientError
from replicator.model.record import require_item

LARGE_PAGE_BYTES = 256 * 1024
"""A page of this size means that more is waiting: the next one is asked for at once, unless throttled."""

RENEWAL_SECONDS = 1.0
"""How often a quiet shard says again that it was read."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What all readers of one stream share; ``deliver`` is told of every marker that one reads.

    ``pages`` bounds how many pages are held or under way: a reader takes one permit before it asks for a
    page; the permit goes back once the page was read, or when it turned out empty.
    """

    client: Client
    stream: str
    settings: SourceSettings
    clock: Clock
    outbox: Outbox
    pages: asyncio.Semaphore
    markers: MarkerKeys
    deliver: Callable[[str, int, str], None]


class ShardReader:
    """The only reader of a shard here, so that the workload's own may be the second, which is the last.

    Attributes:
        shard: its id.
        place: the place after everything put into the outbox.
        rate: how fast it is read.
    """

    def __init__(self, feed: Feed, shard: str, place: Place) -> None:
        self.shard = shard
        self.place = place
        self._feed = feed
        self._iterator: str | None = None
        self._quiet = Quiet(feed.settings.quiet_seconds)
        self._proved: float | None = None
        self._said_at = 0.0
        self.rate = ReadRate()

    @property
    def position(self) -> str:
        """The place as a checkpoint holds it."""
        return self.place.position(self._feed.stream)

    async def locate(self) -> None:
        """Get an iterator at the place.

        Raises:
            PositionLostError: the stream no longer has everything that lies after the place.
        """
        if self.place.is_forgotten(self._feed.clock.wall()):
            raise PositionLostError(
                f"shard {self.shard} has records that are older than the stream keeps them", hint=WAY_OUT
            )
        arguments = self.place.iterator_arguments()
        self._iterator = await self._feed.client.shard_iterator(self._feed.stream, self.shard, arguments)

    async def run(self, finish: Callable[[ShardReader], Awaitable[None]]) -> None:
        """Read to the end of the shard, then ``finish``."""
        while not await self._read_page():
            pass
        await finish(self)

    async def _read_page(self) -> bool:
        clock = self._feed.clock
        asked_at, asked_wall = clock.monotonic(), clock.wall()
        page = await self._feed.outbox.persist(self.shard, self._fetch)
        self._put(self._batch(page, asked_at, asked_wall))
        self._iterator = page.next_iterator
        if self._iterator is not None:
            await asyncio.sleep(asked_at + self._pause_seconds(page, asked_at) - clock.monotonic())
        return self._iterator is None

    def _pause_seconds(self, page: RecordsPage, now: float) -> float:
        usual = 0.0 if page.size_bytes >= LARGE_PAGE_BYTES else self._feed.settings.poll_seconds
        return max(usual, self.rate.pause_seconds(page.size_bytes, now))

    async def _fetch(self) -> RecordsPage:
        """A page; the permit for it is held when this returns, and only then."""
        await self._feed.pages.acquire()
        try:
            return await self._page()
        except BaseException as error:
            self._feed.pages.release()
            if isinstance(error, TransientError) and error.reason == "throttled":
                self.rate.slow_down(self._feed.clock.monotonic())
            raise

    async def _page(self) -> RecordsPage:
        if self._iterator is None:
            await self.locate()
        if self._iterator is None:
            return RecordsPage((), None, 0)
        try:
            return await self._feed.client.get_records(self._iterator)
        except IteratorExpiredError:
            self._iterator = None
            return await self._page()

    def _put(self, batch: Batch | None) -> None:
        release = self._feed.pages.release
        holds_page = batch is not None and bool(batch.changes)
        if batch is not None:
            self._feed.outbox.put(batch, taken=release if holds_page else None)
        if not holds_page:
            release()

    def _batch(self, page: RecordsPage, asked_at: float, asked_wall: float) -> Batch | None:
        if page.records:
            return self._of_records(page)
        now = self._feed.clock.monotonic()
        proved = self._quiet.empty(asked_at, asked_wall, now)
        if proved is not None:
            self._prove(proved)
        if proved is None or now - self._said_at < RENEWAL_SECONDS:
            return None
        return self._saying(())

    def _of_records(self, page: RecordsPage) -> Batch:
        self._quiet.heard()
        markers = self._feed.markers
        found = codec.changes(markers.schema, page.records)
        changes = [change for change in found if not markers.holds(change.key)]
        last: Mapping[str, Any] = page.records[-1]["dynamodb"]
        # Creation times are whole seconds, rounded down: all before that second has been delivered.
        self._prove(found[-1].committed_at)
        self.place = Place(Where.AFTER, self.place.since, last["SequenceNumber"])
        if len(changes) < len(found):
            self._tell_markers(found)
        return self._saying(changes, page.size_bytes)

    def _tell_markers(self, found: list[Change]) -> None:
        markers = self._feed.markers
        for change in found:
            if markers.holds(change.key) and change.record is not None:
                token = token_of(require_item(change.record).attributes)
                self._feed.deliver(self.shard, markers.ordinal(change.key), token)

    def _prove(self, read_to: float) -> None:
        self._proved = max(read_to, self._proved or read_to)
        self.place = self.place.renewed(max(self.place.since, self._proved))

    def _saying(self, changes: list[Change] | tuple[()], size_bytes: int = 0) -> Batch:
        self._said_at = self._feed.clock.monotonic()
        return Batch(
            self.shard,
            changes,
            self.position,
            read_to=self._proved,
            size_bytes=size_bytes if changes else 0,
        )
