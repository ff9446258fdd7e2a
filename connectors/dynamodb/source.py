"""The source: the stream's changes, the table's records, and, where allowed, marks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from connectors.aws.outbox import Outbox
from connectors.dynamodb.client import Client
from connectors.dynamodb.codec import KeySchema
from connectors.dynamodb.config import SourceSettings
from connectors.dynamodb.connection import Connection
from connectors.dynamodb.errors import WAY_OUT
from connectors.dynamodb.lineage import (
    Lineage,
    lineage_of,
    newest_places,
    oldest_places,
    resumed_places,
)
from connectors.dynamodb.markers import MarkerKeys
from connectors.dynamodb.marks import Marks
from connectors.dynamodb.positions import RETENTION_SECONDS, Place, Where, place_of
from connectors.dynamodb.probe import probe
from connectors.dynamodb.scan import TableReader
from connectors.dynamodb.shards import Feed
from replicator.connector import Context, Finding, Start
from replicator.model.change import Batch, Page, Position, Positions, Row
from replicator.model.errors import NotConnectedError, PositionLostError, TransientError
from replicator.model.key import Key

FIRST_MARK_SECONDS_MAX = 120.0
LISTINGS_MORE = 3
LISTING_SECONDS = 0.3


class DynamoDBSource:
    """A table whose stream carries new images. Without markers it starts at the stream's oldest record."""

    def __init__(self, settings: SourceSettings, context: Context) -> None:
        self._settings = settings
        self._clock = context.clock
        self._client = Client(settings)
        self._reader = TableReader(self._client, settings, context.clock)
        self._connection: Connection | None = None

    @property
    def retention_seconds(self) -> float:
        """Streams keep a record for 24 hours."""
        return RETENTION_SECONDS

    async def connect(self, positions: Positions | None) -> Start:
        """Read on from these positions, or begin anew; an earlier connection is dropped."""
        await self._disconnect()
        table = await self._reader.describe()
        stream = table.whole_stream()
        lineage = await self._list(stream, positions or {})
        connection = self._connection_to(stream, table.schema)
        if positions is None:
            return await self._begin(connection, lineage)
        saved = _saved_places(positions, stream, lineage)
        return await self._go(connection, resumed_places(saved, lineage, self._clock.wall()))

    async def read(self) -> Batch:
        """The next batch of any shard; an empty one renews what a quiet shard proves."""
        if self._connection is None:
            raise NotConnectedError("the source is not connected")
        return await self._connection.outbox.take()

    async def commit(self, positions: Positions) -> None:
        """Nothing to do: a stream forgets by age alone."""

    async def close(self) -> None:
        """Stop reading and close every socket."""
        await self._disconnect()
        await self._client.close()

    async def pieces(self) -> Sequence[str]:
        """The segments of a parallel scan."""
        return self._reader.pieces()

    async def scan(self, piece: str, cursor: str | None) -> Page:
        """The next page of a segment."""
        return await self._reader.scan(piece, cursor)

    async def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """The records of these keys now, strongly consistent."""
        return await self._reader.fetch(keys)

    async def estimate(self) -> int | None:
        """The table's item count, hours old; None where it says 0, as it does of a young table."""
        return (await self._reader.describe()).items or None

    async def probe(self) -> Sequence[Finding]:
        """What stands in the way of reading the table and its stream."""
        return await probe(self._client, self._settings)

    def notices(self) -> Sequence[str]:
        """That shards are read slower than they could be, and why."""
        slowed = {} if self._connection is None else self._connection.slowed()
        if not slowed:
            return ()
        slowest = min(slowed.values())
        return (
            f"{len(slowed)} shards are read slower, the slowest {slowest:.1f} times a second: "
            "GetRecords is throttled",
        )

    def _connection_to(self, stream: str, schema: KeySchema) -> Connection:
        markers = MarkerKeys(schema, self._settings.marker_prefix)
        pages = asyncio.Semaphore(self._settings.pages_max)
        marks = Marks()
        feed = Feed(
            self._client, stream, self._settings, self._clock, Outbox(), pages, markers, marks.deliver
        )
        return Connection(feed, marks)

    async def _begin(self, connection: Connection, lineage: Lineage) -> Start:
        return await self._go(connection, oldest_places(lineage, self._clock.wall()))

    async def _list(self, stream: str, positions: Positions) -> Lineage:
        """The shards; a saved one that a listing leaves out has to be missing several times over."""
        lineage = lineage_of(await self._client.describe_stream(stream))
        for _ in range(LISTINGS_MORE):
            if positions.keys() <= lineage.shards.keys():
                break
            await asyncio.sleep(LISTING_SECONDS)
            lineage = lineage_of(await self._client.describe_stream(stream))
        return lineage

    async def _go(self, connection: Connection, places: Mapping[str, Place]) -> Start:
        start = await connection.open(places)
        self._connection = connection
        return start

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


class MarkedDynamoDBSource(DynamoDBSource):
    """A table that markers may be written into. It starts at a mark."""

    async def mark(self) -> str:
        """Ask for a mark; its name comes with a later batch."""
        if self._connection is None:
            raise NotConnectedError("the source is not connected")
        return self._connection.marks.ask()

    async def _begin(self, connection: Connection, lineage: Lineage) -> Start:
        """Start at the place of a mark: what was committed before it, a later scan sees.

        Raises:
            TransientError: an open shard delivered no marker in time.
        """
        start = await self._go(connection, newest_places(lineage, self._clock.wall()))
        try:
            async with asyncio.timeout(FIRST_MARK_SECONDS_MAX):
                return await self._pass_mark(dict(start.positions))
        except TimeoutError:
            raise TransientError("no mark came out of the stream in time", reason="mark_missing") from None

    async def _pass_mark(self, positions: dict[str, Position]) -> Start:
        name = await self.mark()
        while True:
            batch = await self.read()
            positions |= {batch.partition: batch.position} | dict(batch.opened or {})
            for shard in batch.forgotten:
                positions.pop(shard, None)
            if name in batch.marks:
                return _start_of(positions)


def open_source(settings: SourceSettings, context: Context) -> DynamoDBSource:
    """The source for these settings: with marks only where markers are allowed."""
    kind = MarkedDynamoDBSource if settings.markers else DynamoDBSource
    return kind(settings, context)


def _start_of(positions: Positions) -> Start:
    unread = (shard for shard, text in positions.items() if place_of(text)[1].where is not Where.END)
    return Start(positions, frozenset(unread))


def _saved_places(positions: Positions, stream: str, lineage: Lineage) -> dict[str, Place]:
    """The places that a checkpoint holds.

    Raises:
        PositionLostError: they are not ours, or belong to another stream, or to a shard that vanished
            before it was read to its end.
    """
    places: dict[str, Place] = {}
    for shard, position in positions.items():
        try:
            saved, place = place_of(position)
        except ValueError as error:
            raise PositionLostError(f"not a stream position: {position!r}", hint=WAY_OUT) from error
        if saved != stream:
            raise PositionLostError(f"the table has another stream now than {saved}", hint=WAY_OUT)
        if shard not in lineage.shards and place.where is not Where.END:
            raise PositionLostError(f"shard {shard} is gone and was not read to its end", hint=WAY_OUT)
        places[shard] = place
    return places
