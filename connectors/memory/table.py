"""A table with a change log over shards: what a database with a stream looks like from outside.

Every put and delete is appended to the log of the shard whose range of hashes covers its key. A shard
is split by closing it and opening two children; its own log stays readable until it is trimmed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count, takewhile
from typing import NamedTuple

from connectors.memory.errors import TrimmedError
from connectors.memory.rows import Rows, token_of
from replicator.model.clock import Clock, SystemClock
from replicator.model.key import Key
from replicator.model.record import Item, record_to_json
from replicator.model.values import Value

SHARDS_DEFAULT = 4
RETENTION_SECONDS_DEFAULT = 24 * 3600.0


class Entry(NamedTuple):
    """One entry of a log: a put (document), a delete (none), or a mark (no key)."""

    committed_at: float
    key: Key | None = None
    document: bytes | None = None
    mark: str | None = None


@dataclass(slots=True)
class Shard:
    """A range of hashes, ``low`` included and ``high`` not, and the log of its keys.

    ``first`` counts the entries that were trimmed away, so an entry's number never changes.
    """

    name: str
    low: int
    high: int
    parent: str | None = None
    closed: bool = False
    first: int = 0
    entries: list[Entry] = field(default_factory=list)

    @property
    def end(self) -> int:
        """The number of the next entry."""
        return self.first + len(self.entries)

    def drop(self, before: int) -> None:
        """Forget the entries below this number."""
        gone = max(0, min(before, self.end) - self.first)
        del self.entries[:gone]
        self.first += gone


class LogPage(NamedTuple):
    """Entries of one shard; ``at_end`` says that nothing further is visible now."""

    entries: list[Entry]
    at_end: bool


class MemoryTable:
    """The table.

    Args:
        shards: how many shards the log begins with.
        clock: gives the commit times.
        delay_seconds: how long after its commit a change becomes visible in the log; scans and reads
            by key see it at once.
        retention_seconds: what the table says of itself; trimming happens only through ``trim``.
        forgets_committed: whether the log drops what its reader committed.

    Attributes:
        withholds: asked at each page with the shard's name: whether the page is empty although the shard
            was not read to its end, as pages of DynamoDB Streams may be (GetRecords, API reference).
    """

    def __init__(
        self,
        shards: int = SHARDS_DEFAULT,
        clock: Clock | None = None,
        *,
        delay_seconds: float = 0.0,
        retention_seconds: float = RETENTION_SECONDS_DEFAULT,
        forgets_committed: bool = False,
    ) -> None:
        self.clock = clock or SystemClock()
        self.delay_seconds = delay_seconds
        self.retention_seconds = retention_seconds
        self.rows = Rows()
        self.shards: dict[str, Shard] = {}
        self.withholds: Callable[[str], bool] = lambda _shard: False
        self._forgets_committed = forgets_committed
        self._numbers = count()
        self._marks = count(1)
        self._watchers: list[Callable[[str, Entry], None]] = []
        size = 16**16
        for index in range(shards):
            self._open(size * index // shards, size * (index + 1) // shards, None)

    def put(self, key: Key, attributes: Mapping[str, Value]) -> None:
        """Write a row whole, from typed attributes."""
        document = record_to_json(Item(attributes))
        self.rows.put(key, document)
        self._append(key, Entry(self.clock.wall(), key, document))

    def delete(self, key: Key) -> bool:
        """Remove a document; False where there was none, which is not a change."""
        if not self.rows.remove(key):
            return False
        self._append(key, Entry(self.clock.wall(), key))
        return True

    def mark(self) -> tuple[str, list[str]]:
        """Put a new mark into the log of every open shard; returns its name and the shards."""
        name = f"mark-{next(self._marks)}"
        shards = self.open_shards()
        for shard in shards:
            shard.entries.append(Entry(self.clock.wall(), mark=name))
        return name, [shard.name for shard in shards]

    def split(self, name: str) -> list[str]:
        """Close a shard and open two children over its range; returns the children."""
        shard = self.shards[name]
        shard.closed = True
        middle = (shard.low + shard.high) // 2
        return [self._open(shard.low, middle, name), self._open(middle, shard.high, name)]

    def roll(self, name: str) -> str:
        """Close a shard and open one child over its range, as shards of a stream do after some hours."""
        shard = self.shards[name]
        shard.closed = True
        return self._open(shard.low, shard.high, name)

    def trim(self, before: float) -> None:
        """Forget every entry committed before this instant, and closed shards left with none."""
        for shard in list(self.shards.values()):
            kept = [entry for entry in shard.entries if entry.committed_at >= before]
            shard.drop(shard.end - len(kept))
            self._forget_if_done(shard)

    def release(self, name: str, index: int, *, ended: bool) -> None:
        """The reader has no more use for the entries below this number."""
        shard = self.shards.get(name)
        if shard is None or not self._forgets_committed:
            return
        shard.drop(index)
        if ended:
            self._forget_if_done(shard)

    def open_shards(self) -> list[Shard]:
        """The shards that take writes now."""
        return [shard for shard in self.shards.values() if not shard.closed]

    def children(self, name: str) -> list[str]:
        """The shards that a split of this one opened."""
        return [shard.name for shard in self.shards.values() if shard.parent == name]

    def page(self, name: str, index: int, limit: int) -> LogPage:
        """Up to ``limit`` visible entries from this number on; none where they are withheld.

        Raises:
            TrimmedError: they are no longer all there.
        """
        shard = self.shards.get(name)
        if shard is None or index < shard.first:
            raise TrimmedError(name)
        if self.withholds(name):
            return LogPage([], at_end=False)
        start = index - shard.first
        entries = list(takewhile(self._visible, shard.entries[start : start + limit]))
        return LogPage(entries, at_end=len(entries) < limit or index + limit >= shard.end)

    def watch(self, watcher: Callable[[str, Entry], None]) -> None:
        """Call this with the shard's name and the entry at every put and delete."""
        self._watchers.append(watcher)

    def _visible(self, entry: Entry) -> bool:
        return entry.committed_at + self.delay_seconds <= self.clock.wall()

    def _append(self, key: Key, entry: Entry) -> None:
        token = int(token_of(key), 16)
        shard = next(shard for shard in self.open_shards() if shard.low <= token < shard.high)
        shard.entries.append(entry)
        for watcher in self._watchers:
            watcher(shard.name, entry)

    def _open(self, low: int, high: int, parent: str | None) -> str:
        name = f"shard-{next(self._numbers):04d}"
        self.shards[name] = Shard(name, low, high, parent)
        return name

    def _forget_if_done(self, shard: Shard) -> None:
        if shard.closed and not shard.entries:
            del self.shards[shard.name]
