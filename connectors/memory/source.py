"""The source: reads a table's change log shard by shard, and the table itself by key and as a whole."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence

from connectors.memory.codec import Place, change_of, place_of, position_of, record_of
from connectors.memory.config import MemorySourceSettings
from connectors.memory.errors import TrimmedError, position_lost, translate
from connectors.memory.rows import pieces
from connectors.memory.table import LogPage, MemoryTable, Shard
from replicator.connector import Finding, Start
from replicator.model.change import Backlog, Batch, Page, Positions, Row
from replicator.model.errors import NotConnectedError
from replicator.model.key import Key


class MemorySource:
    """A source that puts nothing into the table: no marks.

    Every ``poll_seconds`` each readable shard falls due. A due shard is read until a page of it is
    empty; the empty page is delivered too, because it proves that the shard was read to its end, unless
    the table withholds what is there.
    """

    def __init__(self, table: MemoryTable, settings: MemorySourceSettings) -> None:
        self._table = table
        self._settings = settings
        self._places: dict[str, Place] | None = None  # None while not connected
        self._due: deque[str] = deque()
        self._polls_at = 0.0
        self._awaited: dict[str, set[str]] = {}  # mark to the shards that have yet to deliver it

    async def connect(self, positions: Positions | None) -> Start:
        """Begin at the given positions, or where a backfill may begin after."""
        await asyncio.sleep(0)
        self._awaited.clear()
        self._due.clear()
        self._polls_at = 0.0
        self._places = self._first_places() if positions is None else self._resumed_places(positions)
        return Start(
            {name: position_of(place) for name, place in self._places.items()},
            frozenset(name for name, place in self._places.items() if not place.ended),
        )

    async def read(self) -> Batch:
        """The next page of a due shard."""
        await asyncio.sleep(0)  # a log that is never empty must not keep the loop from others
        while not self._due:
            now = asyncio.get_running_loop().time()
            await asyncio.sleep(max(0.0, self._polls_at - now))
            self._due.extend(self._readable())
            self._polls_at = asyncio.get_running_loop().time() + self._settings.poll_seconds
        # Nothing below awaits, so a cancelled read has taken nothing.
        return self._take(self._due.popleft())

    async def commit(self, positions: Positions) -> None:
        """Let the log forget, if it does."""
        for name, position in positions.items():
            place = place_of(position)
            self._table.release(name, place.read, ended=place.ended)

    async def close(self) -> None:
        """Stop being connected."""
        self._places = None
        self._due.clear()

    async def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """Rows as they are now."""
        await asyncio.sleep(0)
        found = ((key, self._table.rows.get(key)) for key in keys)
        return {key: Row(key, record_of(row.document)) for key, row in found if row is not None}

    async def pieces(self) -> Sequence[str]:
        """Equal ranges of key hashes."""
        return pieces(self._settings.pieces)

    async def scan(self, piece: str, cursor: str | None) -> Page:
        """Rows of a piece in the order of their hashes."""
        await asyncio.sleep(0)
        rows, following = self._table.rows.page(piece, cursor, self._settings.page_rows_max)
        return Page([Row(key, record_of(row.document)) for key, row in rows], following)

    async def estimate(self) -> int | None:
        """The number of rows; here it is exact."""
        return len(self._table.rows)

    async def backlog(self) -> Backlog:
        """What of the log has not been read."""
        waiting = [
            entry
            for name, place in self._connected().items()
            if (shard := self._table.shards.get(name)) is not None
            for entry in shard.entries[max(0, place.read - shard.first) :]
        ]
        if not waiting:
            return Backlog(0, 0.0)
        oldest = min(entry.committed_at for entry in waiting)
        return Backlog(len(waiting), max(0.0, self._table.clock.wall() - oldest))

    async def probe(self) -> Sequence[Finding]:
        """A table is created on first use, so nothing can be missing."""
        return ()

    @property
    def retention_seconds(self) -> float:
        """The table's word."""
        return self._table.retention_seconds

    def _first_places(self) -> dict[str, Place]:
        """The oldest entry of every shard: without marks nothing newer is proved safe."""
        return {shard.name: Place(shard.first) for shard in self._table.shards.values()}

    def _resumed_places(self, positions: Positions) -> dict[str, Place]:
        for name, position in positions.items():
            if name not in self._table.shards and not place_of(position).ended:
                raise position_lost(name)
        return {
            shard.name: _resumed(shard, positions.get(shard.name, position_of(Place(0))))
            for shard in self._table.shards.values()
        }

    def _connected(self) -> dict[str, Place]:
        if self._places is None:
            raise NotConnectedError("the memory source is not connected")
        return self._places

    def _readable(self) -> list[str]:
        """Shards with something to come, whose parent was delivered to its end or is gone."""
        places = self._connected()
        return [
            name
            for name, place in places.items()
            if not place.ended and not self._waits_for_parent(places, name)
        ]

    def _waits_for_parent(self, places: Mapping[str, Place], name: str) -> bool:
        shard = self._table.shards.get(name)
        parent = places.get(shard.parent) if shard is not None and shard.parent is not None else None
        return parent is not None and not parent.ended

    def _take(self, name: str) -> Batch:
        places = self._connected()
        index = places[name].read
        try:
            page = self._table.page(name, index, self._settings.page_changes_max)
        except TrimmedError as error:
            raise translate(error) from error
        place = self._place_after(name, index, page)
        opened = self._opened_by(name) if place.ended else {}
        forgotten = self._forgotten()
        places[name] = place
        places.update(opened)
        for gone in forgotten:
            del places[gone]
        if page.entries and not place.ended:
            self._due.append(name)
        self._due.extend(opened)
        return Batch(
            partition=name,
            changes=[change for entry in page.entries if (change := change_of(entry)) is not None],
            position=position_of(place),
            read_to=self._read_to(page),
            ended=place.ended,
            opened={child: position_of(first) for child, first in opened.items()} or None,
            forgotten=forgotten,
            marks=self._marks_proved(name, page),
            size_bytes=sum(len(entry.document or b"") for entry in page.entries),
        )

    def _place_after(self, name: str, index: int, page: LogPage) -> Place:
        shard = self._table.shards[name]
        after = index + len(page.entries)
        return Place(after, ended=shard.closed and after == shard.end)

    def _opened_by(self, name: str) -> dict[str, Place]:
        """The children that are new to us; one we resumed with keeps its place."""
        known = self._connected()
        return {
            child: Place(self._table.shards[child].first)
            for child in self._table.children(name)
            if child not in known
        }

    def _forgotten(self) -> tuple[str, ...]:
        ended = [name for name, place in self._connected().items() if place.ended]
        return tuple(name for name in ended if name not in self._table.shards)

    def _read_to(self, page: LogPage) -> float | None:
        """An empty page that is not the end's proves nothing: records may come behind it."""
        if page.at_end:
            return self._table.clock.wall() - self._table.delay_seconds
        return page.entries[-1].committed_at if page.entries else None

    def _marks_proved(self, name: str, page: LogPage) -> tuple[str, ...]:
        proved = []
        for mark in (entry.mark for entry in page.entries if entry.mark is not None):
            shards = self._awaited.get(mark, set())
            shards.discard(name)
            if not shards and self._awaited.pop(mark, None) is not None:
                proved.append(mark)
        return tuple(proved)


class MarkedMemorySource(MemorySource):
    """A source that may put marks into the table's log."""

    async def mark(self) -> str:
        """Put a mark into every open shard; it is proved once each of them has delivered it."""
        await asyncio.sleep(0)
        name, shards = self._table.mark()
        self._awaited[name] = set(shards)
        return name

    def _first_places(self) -> dict[str, Place]:
        """Now: what was committed before is in the table, and a scan that begins later sees it."""
        return {shard.name: Place(shard.end, ended=shard.closed) for shard in self._table.shards.values()}


def _resumed(shard: Shard, position: str) -> Place:
    place = place_of(position)
    if place.read < shard.first and not place.ended:
        raise position_lost(shard.name)
    return place
