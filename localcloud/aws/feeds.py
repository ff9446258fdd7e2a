"""The feeds of all streams that anyone asked for, and the task that keeps them read."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from localcloud.aws.clock import Clock
from localcloud.aws.errors import AwsError
from localcloud.aws.feed import Feed, scope_of
from localcloud.aws.journal import Journal
from localcloud.aws.upstream import Upstream
from localcloud.passthrough import UpstreamLostError

__all__ = ["Feeds"]

_READ_EVERY_SECONDS = 0.2


class Feeds:
    """One feed per stream ARN.

    Args:
        upstream: the way to ministack.
        clock: by which records age.
        directory: where journals are kept; without one nothing outlives the process.
        shards: with how many shards a stream begins.
    """

    def __init__(self, upstream: Upstream, clock: Clock, directory: Path | None, shards: int) -> None:
        self.shards = shards
        self._upstream, self._clock, self._directory = upstream, clock, directory
        self._feeds: dict[str, Feed] = {}
        self._opening = asyncio.Lock()
        self._writes = 0

    def __iter__(self) -> Iterator[Feed]:
        return iter(list(self._feeds.values()))

    def count_write(self) -> None:
        """Note that a write passed, so that the next reader looks upstream."""
        self._writes += 1

    async def get(self, arn: str) -> Feed:
        """Return the feed of a stream.

        Raises:
            AwsError: ResourceNotFoundException where ministack has no such stream.
            UpstreamLostError: ministack is away.
        """
        if arn not in self._feeds:
            async with self._opening:
                if arn not in self._feeds:
                    self._feeds[arn] = await self._open(arn)
        return self._feeds[arn]

    async def of_table(self, table: str, account: str, region: str) -> Feed | None:
        """Return the feed of a table's present stream, or None where it is switched off."""
        named = {"TableName": table}
        answer = await self._upstream.call("DynamoDB_20120810.DescribeTable", named, account, region)
        described = answer["Table"]
        if not described.get("StreamSpecification", {}).get("StreamEnabled"):
            return None
        return await self.get(described["LatestStreamArn"])

    async def keep_read(self) -> None:
        """Read all feeds again and again, for ever."""
        while True:
            await asyncio.sleep(_READ_EVERY_SECONDS)
            await self.read_all()

    async def read_all(self) -> None:
        """Read every feed to its end, as far as ministack allows."""
        for feed in self:
            try:
                await feed.read_all()
            except UpstreamLostError:
                # Whoever reads the feed is told; here it is tried again.
                continue
            except AwsError as error:
                # The stream is gone, as after a restart of ministack: whoever asks next is told.
                if error.code == "ResourceNotFoundException":
                    self._feeds.pop(feed.arn, feed).close()

    async def close(self) -> None:
        """Read what is left and close the journals."""
        await self.read_all()
        for feed in self:
            feed.close()

    async def _open(self, arn: str) -> Feed:
        account, region, _ = scope_of(arn)
        target = "DynamoDBStreams_20120810.DescribeStream"
        answer = await self._upstream.call(target, {"StreamArn": arn}, account, region)
        return Feed(
            arn,
            answer["StreamDescription"],
            upstream=self._upstream,
            clock=self._clock,
            journal=Journal(self._directory, arn),
            shards=self.shards,
            writes=lambda: self._writes,
        )
