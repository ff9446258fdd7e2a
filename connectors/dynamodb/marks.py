"""Marks: markers written into the table until every open shard has delivered one (design 5).

A mark is proved in three steps. Markers are written after the call, until each open leaf of the lineage
has delivered one of them. Then the shards are listed again: leaves that are new have to deliver one too,
and every closed shard must have been read to its end with its children known. Then everything that was
committed before the call is in the outbox, and the mark's name is put behind it.

Marks asked for meanwhile share the markers. Marker keys are counted from 0 and written again in every
round and by every later process, so a table holds a bounded number of them: ``_keys_max``.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

from connectors.dynamodb.lineage import Lineage
from connectors.dynamodb.shards import Feed
from connectors.dynamodb.streams import Streams
from replicator.model.change import Batch

WRITES_AT_ONCE_MAX = 8
ROUND_SECONDS_MIN = 1.0
ROUND_SECONDS_MAX = 30.0
NEW_KEYS_MAX = 32
READING_ON_SECONDS = 0.2
"""How long a closed shard is given to be read on before the shards are listed again."""


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str
    generation: int


class Marks:
    """The marks of one connection. Markers are told apart by a random session and a generation."""

    def __init__(self) -> None:
        self._session = secrets.token_hex(8)
        self._generation = 0
        self._marks: list[_Mark] = []
        self._homes: dict[int, str | None] = {}
        self._delivered: dict[str, int] = {}
        self._under_way: set[int] = set()
        self._asked = asyncio.Event()
        self._news = asyncio.Event()

    def ask(self) -> str:
        """The name of a new mark, which a later batch will carry."""
        name = f"{self._session}-{secrets.token_hex(4)}"
        self._marks.append(_Mark(name, self._generation + 1))
        self._asked.set()
        return name

    def deliver(self, shard: str, ordinal: int, token: str) -> None:
        """A reader has put a marker of this ordinal into the outbox, or rather left it out there."""
        session, _, generation = token.partition(":")
        if session == self._session and generation.isdigit():
            self._homes[ordinal] = shard
            if int(generation) == self._generation:
                self._under_way.discard(ordinal)
            self._delivered[shard] = max(int(generation), self._delivered.get(shard, 0))
            self._news.set()

    async def run(self, feed: Feed, streams: Streams) -> None:
        """Serve marks until cancelled, or until markers cannot be written for good."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._serve(feed, streams)

    async def _serve(self, feed: Feed, streams: Streams) -> None:
        pause = ROUND_SECONDS_MIN
        while self._marks:
            lineage = await streams.lineage()
            streams.open(lineage)
            self._settle(feed, streams, lineage)
            missing = self._missing(lineage)
            if missing:
                await self._write(feed, self._ordinals(lineage, missing))
                pause = await self._wait_for_delivery(missing, pause)
            elif self._marks:
                await asyncio.sleep(READING_ON_SECONDS)

    def _settle(self, feed: Feed, streams: Streams, lineage: Lineage) -> None:
        """Put the names of all marks that this listing proves behind everything delivered so far."""
        proved = [mark for mark in self._marks if self._is_proved(mark, streams, lineage)]
        carrier = next(iter(streams.readers.values()), None)
        if proved and carrier is not None:
            names = tuple(mark.name for mark in proved)
            feed.outbox.put(Batch(carrier.shard, (), carrier.position, marks=names))
            self._marks = [mark for mark in self._marks if mark not in proved]

    def _is_proved(self, mark: _Mark, streams: Streams, lineage: Lineage) -> bool:
        leaves = set(lineage.open_leaves())
        unread = streams.readers.keys() - leaves
        return not unread and all(self._delivered.get(leaf, 0) >= mark.generation for leaf in leaves)

    def _missing(self, lineage: Lineage) -> set[str]:
        """The open leaves that have yet to deliver a marker for a mark that waits."""
        wanted = max((mark.generation for mark in self._marks), default=0)
        return {leaf for leaf in lineage.open_leaves() if self._delivered.get(leaf, 0) < wanted}

    def _ordinals(self, lineage: Lineage, missing: set[str]) -> list[int]:
        """Which markers to write: one that is known to reach each shard, and others for the rest.

        Those are first the markers that are on their way or were at home in a shard that has closed,
        and then new ones: two for each shard that none reaches, and at least one for each open shard,
        so that a round reaches the last missing one more often than not.
        """
        leaves = set(lineage.open_leaves())
        known = {home: ordinal for ordinal, home in self._homes.items() if home in missing}
        homeless = len(missing) - len(known)
        if not homeless:
            return list(known.values())
        strays = [ordinal for ordinal, home in self._homes.items() if home not in leaves]
        wanted = 1 if len(leaves) == 1 else max(2 * homeless, len(leaves))
        room = _keys_max(len(leaves)) - len(self._homes)
        first = len(self._homes)
        count = (
            max(0, min(wanted - len(strays), room, NEW_KEYS_MAX)) if first else min(wanted, NEW_KEYS_MAX)
        )
        return [*known.values(), *strays, *range(first, first + count)]

    async def _write(self, feed: Feed, ordinals: list[int]) -> None:
        self._generation += 1
        token = f"{self._session}:{self._generation}"
        self._under_way = set(ordinals)
        permits = asyncio.Semaphore(WRITES_AT_ONCE_MAX)

        async def write(ordinal: int) -> None:
            self._homes.setdefault(ordinal, None)
            item = feed.markers.item(ordinal, token)
            async with permits:
                await feed.outbox.persist("markers", lambda: feed.client.put(item))

        await asyncio.gather(*map(write, ordinals))

    async def _wait_for_delivery(self, missing: set[str], pause: float) -> float:
        """Wait until all of these delivered a new marker, or the round's markers all came out elsewhere.

        Returns how long to wait next time: longer where markers stay away.
        """
        hopeless = not self._under_way  # every key is used up, and none of them reaches these shards
        try:
            async with asyncio.timeout(pause):
                while hopeless or (self._under_way and self._is_behind(missing)):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return min(pause * 2, ROUND_SECONDS_MAX)
        return ROUND_SECONDS_MIN

    def _is_behind(self, shards: set[str]) -> bool:
        return any(self._delivered.get(shard, 0) < self._generation for shard in shards)


def _keys_max(leaves: int) -> int:
    """How many markers a table of so many open shards may come to hold.

    Keys fall into shards by chance; ten times as many reach each of 100 even shards almost surely.
    """
    return 16 + 10 * leaves
