"""All shards of a stream, read at once: one reader per shard, and children after their parents."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from connectors.dynamodb.errors import stream_off
from connectors.dynamodb.lineage import Lineage, lineage_of, uncovered_places
from connectors.dynamodb.positions import Place, Where
from connectors.dynamodb.shards import Feed, ShardReader
from replicator.connector import Start
from replicator.model.change import Batch

CHILDREN_SECONDS_MAX = 60.0
"""How long children of an ended shard are waited for, before it counts as one that has none."""

LISTING_SECONDS_MIN = 0.2
"""DescribeStream may be called ten times a second (DynamoDB Streams API reference)."""

LOCATED_AT_ONCE_MAX = 8


class Streams:
    """The readers of a stream from a start on; everything they read goes into the feed's outbox.

    Attributes:
        readers: the shards being read.
        ended: the shards read to their ends that are still listed, with their last places.
    """

    def __init__(self, feed: Feed, places: Mapping[str, Place]) -> None:
        self._feed = feed
        self.ended = {shard: place for shard, place in places.items() if place.where is Where.END}
        self.readers = {
            shard: ShardReader(feed, shard, place)
            for shard, place in places.items()
            if place.where is not Where.END
        }
        self._handed_over: dict[str, Place] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._listing = asyncio.Lock()
        self._listed_at = -LISTING_SECONDS_MIN

    @property
    def places(self) -> dict[str, Place]:
        """The place of every shard that is known."""
        return self.ended | {shard: reader.place for shard, reader in self.readers.items()}

    def slowed(self, now: float) -> dict[str, float]:
        """The shards that are read slower because they throttle, each with its calls a second."""
        rates = {shard: reader.rate.calls_per_second(now) for shard, reader in self.readers.items()}
        return {shard: rate for shard, rate in rates.items() if rate is not None}

    def start(self) -> Start:
        """Where reading begins."""
        positions = {shard: place.position(self._feed.stream) for shard, place in self.places.items()}
        return Start(positions, frozenset(self.readers))

    async def locate(self) -> None:
        """Get every reader its first iterator.

        Raises:
            PositionLostError: the stream no longer has what lies after one of the places.
        """
        permits = asyncio.Semaphore(LOCATED_AT_ONCE_MAX)

        async def locate(reader: ShardReader) -> None:
            async with permits:
                await reader.locate()

        located = await asyncio.gather(*map(locate, self.readers.values()), return_exceptions=True)
        for failure in filter(None, located):
            raise failure

    async def run(self) -> None:
        """Read until cancelled, or until a shard fails for good."""
        async with asyncio.TaskGroup() as self._tasks:
            for reader in self.readers.values():
                self._begin(reader)
            self._tasks.create_task(self._discover_forever(), name="dynamodb.discovery")

    async def lineage(self) -> Lineage:
        """The shards as a listing shows them that began after this call."""
        return lineage_of(await self._describe())

    def open(self, lineage: Lineage) -> None:
        """Begin to read the listed shards that nothing covers yet, and forget what is no longer listed."""
        now = self._feed.clock.wall()
        # A listing may be older than one before it; shards handed over to their children stay ended.
        known = self.places | self._handed_over
        for shard, place in uncovered_places(known, lineage, now).items():
            position = self._add(shard, place)
            self._feed.outbox.put(Batch(shard, (), position, opened={shard: position}))
        for shard in [shard for shard in self.ended if shard not in lineage.shards]:
            position = self.ended.pop(shard).position(self._feed.stream)
            self._feed.outbox.put(Batch(shard, (), position, ended=True, forgotten=(shard,)))
        for shard in [shard for shard in self._handed_over if shard not in lineage.shards]:
            del self._handed_over[shard]

    def _begin(self, reader: ShardReader) -> None:
        if self._tasks is not None:
            self._tasks.create_task(reader.run(self._finish), name=f"dynamodb.{reader.shard}")

    def _add(self, shard: str, place: Place) -> str:
        reader = ShardReader(self._feed, shard, place)
        self.readers[shard] = reader
        self._begin(reader)
        return reader.position

    async def _finish(self, reader: ShardReader) -> None:
        """Say that a shard has ended, once its children are listed, and begin to read them."""
        children = await self._children(reader.shard)
        place = Place(Where.END, reader.place.since)
        del self.readers[reader.shard]
        (self._handed_over if children else self.ended)[reader.shard] = place
        oldest = Place(Where.OLDEST, place.since)
        opened = {child: oldest.position(self._feed.stream) for child in children}
        self._feed.outbox.put(
            Batch(
                reader.shard,
                (),
                place.position(self._feed.stream),
                read_to=self._feed.clock.wall(),
                ended=True,
                opened=opened,
                forgotten=(reader.shard,) if children else (),
            )
        )
        for child in children:
            self._add(child, oldest)

    async def _children(self, shard: str) -> list[str]:
        patience = self._feed.clock.monotonic() + CHILDREN_SECONDS_MAX
        while True:
            stream = await self._describe()
            children = lineage_of(stream).children(shard)
            if children or self._feed.clock.monotonic() >= patience:
                return [child for child in children if child not in self.places]
            if stream.get("StreamStatus") in ("DISABLED", "DISABLING"):
                raise stream_off(self._feed.settings.table)
            await asyncio.sleep(1.0)

    async def _discover_forever(self) -> None:
        while True:
            await asyncio.sleep(self._feed.settings.discovery_seconds)
            self.open(await self.lineage())

    async def _describe(self) -> Mapping[str, Any]:
        async with self._listing:
            clock = self._feed.clock
            await asyncio.sleep(self._listed_at + LISTING_SECONDS_MIN - clock.monotonic())
            self._listed_at = clock.monotonic()
            describe = self._feed.client.describe_stream
            return await self._feed.outbox.persist("listing", lambda: describe(self._feed.stream))
