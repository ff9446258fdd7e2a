"""The source: the bucket's events, its objects, and, where allowed, marks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from connectors.aws.feeding import connected, end
from connectors.aws.queue import RETENTION_SECONDS, rounds_of
from connectors.s3 import codec
from connectors.s3.body import check_body, open_body
from connectors.s3.canaries import Canaries
from connectors.s3.client import Client
from connectors.s3.config import SourceSettings
from connectors.s3.feed import PARTITION, Feed
from connectors.s3.inbox import Inbox
from connectors.s3.installer import Installer
from connectors.s3.objects import Objects
from connectors.s3.probe import probe
from connectors.s3.scan import BucketReader
from replicator.connector import Amendment, Body, Context, Finding, Start
from replicator.model.change import Backlog, Batch, Page, Positions, Row
from replicator.model.errors import NotConnectedError
from replicator.model.key import Key


class S3Source:
    """A bucket and the queue of its events. Without markers an empty queue is all that proves it read."""

    def __init__(self, settings: SourceSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._client = Client(settings)
        self._objects = Objects(self._client, settings)
        self._reader = BucketReader(self._objects, settings)
        self._installer = Installer(self._client, settings, context.pipeline)
        self._retention_seconds = RETENTION_SECONDS
        self._feed: Feed | None = None

    @property
    def retention_seconds(self) -> float:
        """The queue's, once it is connected."""
        return self._retention_seconds

    async def connect(self, positions: Positions | None) -> Start:
        """Receive from the queue. The position counts rounds; what was not forgotten comes again.

        The queue keeps the events of everything that happens from now on, so a scan begun after this call
        misses nothing. Where the engine goes on from what it has read, messages stay in hand.
        """
        begin = rounds_of(positions, PARTITION)
        await self._client.open()
        attributes = await self._client.queue.attributes()
        await self._objects.list("", 1)
        self._retention_seconds = float(attributes.get("MessageRetentionPeriod", RETENTION_SECONDS))
        feed = self._feed
        if feed is None or not feed.is_open or positions is None or begin < feed.read_position:
            await self._disconnect()
            feed = self._new_feed(max(begin, feed.position if feed else 0))
            feed.open()
            self._feed = feed
        return Start({PARTITION: str(feed.read_position)}, frozenset({PARTITION}))

    async def read(self) -> Batch:
        """The next changes, or what an empty queue or a canary proves."""
        return await connected(self._feed).read()

    async def commit(self, positions: Positions) -> None:
        """Delete the messages of these changes; the durable note of each key counts from now on."""
        if self._feed is not None and PARTITION in positions:
            await self._feed.inbox.hand.forget(int(positions[PARTITION]))

    async def close(self) -> None:
        """Give back what is in hand, and close every socket."""
        await self._disconnect()
        await self._client.close()

    async def pieces(self) -> Sequence[str]:
        """Key ranges of the bucket."""
        await self._client.open()
        return await self._reader.pieces()

    async def scan(self, piece: str, cursor: str | None) -> Page:
        """The next page of a key range."""
        await self._client.open()
        return await self._reader.scan(piece, cursor)

    async def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """The objects of these keys now, with the checksums that the service gives."""
        await self._client.open()
        return await self._reader.fetch(keys)

    async def estimate(self) -> int | None:
        """The number of objects of a small bucket; None of a larger one, of which S3 keeps no count."""
        await self._client.open()
        return await self._reader.estimate()

    @asynccontextmanager
    async def download(self, key: Key) -> AsyncIterator[Body | None]:
        """Open the object as it is now."""
        await self._client.open()
        name = codec.name_of(key)
        if not self._settings.replicates(name):
            yield None
            return
        async with open_body(self._objects, name) as body:
            yield body

    async def check(self, key: Key, algorithms: Collection[str]) -> Row | None:
        """Read the object and compute these checksums of its bytes."""
        await self._client.open()
        return await check_body(self._objects, codec.name_of(key), algorithms)

    async def backlog(self) -> Backlog:
        """About how many messages wait in the queue, beside those in hand; SQS does not tell their age."""
        await self._client.open()
        attributes = await self._client.queue.attributes()
        waiting = sum(
            int(attributes.get(f"ApproximateNumberOfMessages{each}", 0)) for each in ("", "Delayed")
        )
        hidden = int(attributes.get("ApproximateNumberOfMessagesNotVisible", 0))
        inbox = self._feed.inbox if self._feed else None
        ours = len(inbox.hand) + inbox.strangers if inbox else 0
        return Backlog(waiting + max(0, hidden - ours), None)

    async def probe(self) -> Sequence[Finding]:
        """What stands in the way of reading the bucket and its events."""
        return await probe(self._client, self._objects, self._settings, self._context)

    async def amendments(self, *, installed: bool) -> Sequence[Amendment]:
        """What of the queue's policy and the bucket's notifications has to change."""
        await self._client.open()
        return await self._installer.amendments(installed=installed)

    async def amend(self, amendment: Amendment) -> None:
        """Change one of them, and see that it holds."""
        await self._client.open()
        await self._installer.amend(amendment)

    def notices(self) -> Sequence[str]:
        """Messages in the queue that are not about this bucket and prefix."""
        count = self._feed.inbox.strangers if self._feed else 0
        if not count:
            return ()
        about = f"bucket {self._settings.bucket}" + (
            f", prefix {self._settings.prefix!r}" if self._settings.prefix else ""
        )
        return (
            f"{count} messages in the event queue are not events of {about}; they are left there, "
            "and come again from time to time: give the pipeline a queue of its own",
        )

    def _new_feed(self, position: int) -> Feed:
        inbox = Inbox(self._client.queue, self._settings, self._context.clock)
        return Feed(inbox, self._settings, self._context.clock, self._new_canaries(), position)

    def _new_canaries(self) -> Canaries | None:
        return None

    async def _disconnect(self) -> None:
        feed, self._feed = self._feed, None
        await end(feed)


class MarkedS3Source(S3Source):
    """A bucket that canaries may be written into: their events prove what has been read."""

    async def mark(self) -> str:
        """Ask for a mark; its name comes with a later batch."""
        canaries = connected(self._feed).canaries
        if canaries is None:
            raise NotConnectedError("the source is not connected")
        return canaries.ask()

    def _new_canaries(self) -> Canaries:
        return Canaries(self._client, self._settings, self._context.pipeline, self._context.clock)


def open_source(settings: SourceSettings, context: Context) -> S3Source:
    """The source for these settings: with marks only where markers are allowed."""
    kind = MarkedS3Source if settings.markers else S3Source
    return kind(settings, context)
