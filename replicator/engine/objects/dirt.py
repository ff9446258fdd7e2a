"""Dirt: the dirty rows of one pipeline, from the hint that notes them to the copy that clears them.

    hint → note → store (durable) → hand over to the lanes, in order of generation → copied → clear

What was noted may be forgotten at the source. What is cleared was copied after it was noted: a key that is
noted again meanwhile has another generation, stays, and is handed over again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from replicator.engine.backfill import Unpaused
from replicator.engine.limits import LiveLimits
from replicator.engine.retry import Retrier
from replicator.model.clock import Clock
from replicator.model.key import Key
from replicator.stores import DirtyRow, DirtyRows, Noted, Oldest

PAGE_ROWS = 500

Done = Callable[[DirtyRow], None]
"""Told that a row was copied, or refused and kept as a dead letter."""

Handover = Callable[[Sequence[DirtyRow], Done], Awaitable[None]]
"""Takes rows to be copied, and whom to tell of each when that is done."""


@dataclass(slots=True)
class _Note:
    """Keys that wait for the next commit, and whom to tell of it."""

    keys: Sequence[tuple[Key, float]]
    noted: Callable[[], None]


class Dirt:
    """The dirty rows of one pipeline. Run its three tasks for as long as it is used.

    Attributes:
        count: how many rows there are.
    """

    def __init__(
        self,
        store: DirtyRows,
        pipeline: str,
        retrier: Retrier,
        clock: Clock,
        hand_over: Handover,
        limits: LiveLimits,
    ) -> None:
        self._store = store
        self._pipeline = pipeline
        self._retrier = retrier
        self._clock = clock
        self._hand_over = hand_over
        self._limits = limits
        self.count = 0
        self._oldest: Oldest | None = None
        self._looking = asyncio.Lock()
        self._newest = 0
        self._in_hand = 0
        self._notes: list[_Note] = []
        self._copied: list[DirtyRow] = []
        self._to_note = asyncio.Event()
        self._to_feed = asyncio.Event()
        self._to_clear = asyncio.Event()
        self._moved = asyncio.Event()
        limits.follow(self._moved.set)

    async def open(self) -> None:
        """Learn what an earlier process has left."""
        self.count = await self._store.count_dirty(self._pipeline)
        self._oldest = await self._store.oldest_dirty(self._pipeline)

    def note(self, keys: Sequence[tuple[Key, float]], noted: Callable[[], None]) -> None:
        """Note keys, each with the time of what made it dirty; ``noted`` is told once they are durable."""
        self._notes.append(_Note(keys, noted))
        self._to_note.set()

    async def add(self, keys: Sequence[tuple[Key, float]]) -> None:
        """Return once the keys, and everything noted before, are durable."""
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.note(keys, partial(_resolve, durable))
        await durable

    async def settled(self) -> None:
        """Return once everything noted before this call has been copied since."""
        await self.add(())
        newest = self._newest
        await self._until(lambda: self._oldest is None or self._oldest.generation > newest)

    async def flushed(self) -> None:
        """Return once what was copied is cleared, and what was noted durable."""
        await self.add(())
        await self._until(lambda: not self._copied)

    @property
    def oldest_since(self) -> float | None:
        """Since when the oldest row is dirty, those on their way to the store included."""
        waiting = [since for note in self._notes for _, since in note.keys]
        if self._oldest is not None:
            waiting.append(self._oldest.since)
        return min(waiting, default=None)

    # The three tasks.

    async def note_forever(self) -> None:
        """Make notes durable; what comes during a commit shares the next one."""
        while True:
            await self._to_note.wait()
            self._to_note.clear()
            notes = list(self._notes)
            keys = [key for note in notes for key in note.keys]
            if keys:
                await self._write(keys)
            del self._notes[: len(notes)]
            for note in notes:
                note.noted()
            self._to_feed.set()

    async def feed_forever(self, unpaused: Unpaused) -> None:
        """Hand rows over in order of generation, no more than are allowed in hand at a time."""
        after = 0
        while True:
            await unpaused()
            await self._until(lambda: self._room > 0)
            rows = await self._list(after, min(PAGE_ROWS, self._room))
            if not rows:
                await self._to_feed.wait()
                self._to_feed.clear()
                continue
            after = rows[-1].generation
            self._in_hand += len(rows)
            # What is noted again is dirty only since this moment: its copy reads later than that.
            now = self._clock.wall()
            await self._hand_over([row._replace(since=max(now, row.since)) for row in rows], self._done)

    async def clear_forever(self) -> None:
        """Clear what was copied; what is copied during a commit shares the next one."""
        while True:
            await self._to_clear.wait()
            self._to_clear.clear()
            rows = list(self._copied)
            if rows:
                await self._clear(rows)
                del self._copied[: len(rows)]
            self._moved.set()

    def _done(self, row: DirtyRow) -> None:
        self._in_hand -= 1
        self._copied.append(row)
        self._to_clear.set()

    async def _write(self, keys: Sequence[tuple[Key, float]]) -> None:
        noted: Noted = await self._retrier.persist(
            "state", "dirty_rows", lambda: self._store.add_dirty(self._pipeline, keys)
        )
        self.count += noted.new
        self._newest = noted.newest
        await self._look()

    async def _list(self, after: int, limit: int) -> Sequence[DirtyRow]:
        return await self._retrier.persist(
            "state", "dirty_rows", lambda: self._store.list_dirty(self._pipeline, after, limit)
        )

    async def _clear(self, rows: Sequence[DirtyRow]) -> None:
        cleared = await self._retrier.persist(
            "state", "dirty_rows", lambda: self._store.clear_dirty(self._pipeline, rows)
        )
        self.count -= cleared  # not before the await: rows may be noted meanwhile
        await self._look()

    async def _look(self) -> None:
        """Learn which is the oldest; one look at a time, or an older answer could replace a newer one."""
        async with self._looking:
            self._oldest = await self._store.oldest_dirty(self._pipeline)

    @property
    def _room(self) -> int:
        return self._limits.now.changes_in_flight_max - self._in_hand

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._moved.clear()
            await self._moved.wait()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
