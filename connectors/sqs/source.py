"""The source: messages of one queue, and, where allowed, marks."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from connectors.aws.feeding import connected, end
from connectors.aws.queue import RETENTION_SECONDS, rounds_of
from connectors.sqs.client import Client
from connectors.sqs.codec import end_message
from connectors.sqs.config import SqsSourceSettings
from connectors.sqs.feed import PARTITION, Feed, Kind
from connectors.sqs.probe import probe, traits_of
from connectors.sqs.proof import counts_of
from replicator.connector import Context, Finding, QueueTraits, Start
from replicator.model.change import Backlog, Batch, Positions


class SqsSource:
    """A queue that nothing of ours is sent into: how far it is read is told by its empty answers."""

    def __init__(self, settings: SqsSourceSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._client = Client(settings)
        name = settings.queue_url or settings.queue or ""
        self._kind = Kind(name.endswith(".fifo"), RETENTION_SECONDS)
        self._feed: Feed | None = None

    @property
    def retention_seconds(self) -> float:
        """The queue's own, once it is connected."""
        return self._kind.retention_seconds

    async def connect(self, positions: Positions | None) -> Start:
        """Learn what the queue is. Nothing is received before the first ``read``.

        A position counts rounds and says what may be deleted; what was not committed comes again by itself.
        Where the engine goes on from what it has read, messages stay in hand.
        """
        begin = rounds_of(positions, PARTITION)
        await self._client.open()
        attributes = await self._client.queue.attributes()
        retention = float(attributes.get("MessageRetentionPeriod", RETENTION_SECONDS))
        fifo = attributes.get("FifoQueue", str(self._kind.fifo)).lower() == "true"
        delay = float(attributes.get("DelaySeconds", 0))
        self._kind = Kind(fifo, retention, delay)
        feed = self._feed
        if feed is not None and positions is not None and begin >= feed.read_position:
            await feed.go_on()
        else:
            await self._disconnect()
            begin = max(begin, feed.position if feed else 0)
            feed = self._feed = Feed(
                self._client.queue, self._settings, self._kind, self._context.clock, begin
            )
        return Start({PARTITION: str(feed.read_position)}, frozenset({PARTITION}))

    async def read(self) -> Batch:
        """The next messages, or what an answer that was not full proves."""
        return await connected(self._feed).read()

    async def commit(self, positions: Positions) -> None:
        """Delete the messages that were given out up to here."""
        if self._feed is not None and PARTITION in positions:
            await self._feed.hand.forget(int(positions[PARTITION]))

    async def close(self) -> None:
        """Give back what is in hand, and close every socket."""
        await self._disconnect()
        await self._client.close()

    async def backlog(self) -> Backlog:
        """About how many messages there are, those in anyone's hand and delayed ones included.

        SQS does not tell their age, and its figures may be a minute old (SQS API reference,
        GetQueueAttributes). The age is that of the oldest in hand here, and what waits may be older; None
        where nothing is in hand.
        """
        await self._client.open()
        count = sum(counts_of(await self._client.queue.attributes()))
        oldest = self._feed.hand.oldest_sent_at() if self._feed and count else None
        return Backlog(count, None if oldest is None else max(0.0, self._context.clock.wall() - oldest))

    async def probe(self) -> Sequence[Finding]:
        """What stands in the way of moving the queue."""
        return await probe(self._client, self._settings)

    async def describe(self) -> QueueTraits:
        """What the queue is set to, and what waits in it."""
        await self._client.open()
        return traits_of(await self._client.queue.attributes())

    def notices(self) -> Sequence[str]:
        """Messages that did not come as the service sent them, and end messages that prove nothing yet."""
        if self._feed is None:
            return ()
        found = []
        if count := self._feed.damaged:
            found.append(f"{count} times a message was not what its MD5 says; it is received again")
        if count := len(self._feed.marks):
            found.append(
                f"{count} end messages wait for a moment in which the queue is empty, with nothing delayed "
                "and nothing in the hands of other consumers"
            )
        return found

    async def _disconnect(self) -> None:
        feed, self._feed = self._feed, None
        await end(feed)


class MarkedSqsSource(SqsSource):
    """A queue that end messages may be sent into."""

    async def mark(self) -> str:
        """Send an end message. Its name comes with a batch once it has come out, and all before it too.

        What it takes for that is told in ``proof.Marks``; under constant traffic a mark may never come.
        """
        feed = connected(self._feed)
        name = f"end-{uuid4().hex}"
        await self._client.queue.send(**end_message(name, fifo=self._kind.fifo))
        feed.marks.add(name, self._context.clock.wall())
        return name


def open_source(settings: SqsSourceSettings, context: Context) -> SqsSource:
    """The source for these settings: with marks only where markers are allowed."""
    kind = MarkedSqsSource if settings.markers else SqsSource
    return kind(settings, context)
