"""One connection to a stream: its readers and its marks, from ``open`` to ``close``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from connectors.aws.outbox import Outbox
from connectors.dynamodb.marks import Marks
from connectors.dynamodb.positions import Place
from connectors.dynamodb.shards import Feed
from connectors.dynamodb.streams import Streams
from replicator.connector import Start
from replicator.model.errors import first_cause


class Connection:
    """Owns the tasks that fill the outbox. What ends one of them for good ends all, and is left there."""

    def __init__(self, feed: Feed, marks: Marks) -> None:
        self.outbox: Outbox = feed.outbox
        self.marks = marks
        self._feed = feed
        self._task: asyncio.Task[None] | None = None
        self._streams: Streams | None = None

    def slowed(self) -> dict[str, float]:
        """The shards that are read slower because they throttle, each with its calls a second."""
        return {} if self._streams is None else self._streams.slowed(self._feed.clock.monotonic())

    async def open(self, places: Mapping[str, Place]) -> Start:
        """Find every shard's place, then read in the background.

        Raises:
            PositionLostError, TransientError, PermanentError: as the service says.
        """
        streams = Streams(self._feed, places)
        await streams.locate()
        self._streams = streams
        start = streams.start()
        self._task = asyncio.create_task(self._run(streams), name="dynamodb.connection")
        return start

    async def close(self) -> None:
        """Stop every task; what was not read is dropped."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _run(self, streams: Streams) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(streams.run(), name="dynamodb.streams")
                tasks.create_task(self.marks.run(self._feed, streams), name="dynamodb.marks")
        except BaseExceptionGroup as group:
            self.outbox.fail(first_cause(group))
