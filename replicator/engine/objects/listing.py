"""The reconciling list: finds what no event told (design 4.3).

Both sides are listed and compared by size and version. What differs, or is on one side only, becomes a
dirty row; it is copied by its state, so that a key which merely changed between the two lists costs one
look. A change of tags alone shows in no listing: an event tells of it, or a verification.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from replicator.connector import Scans
from replicator.engine.limits import LiveLimits
from replicator.engine.objects.dirt import Dirt
from replicator.engine.retry import Retrier
from replicator.engine.sharing import Shared
from replicator.engine.sweep import scan_all
from replicator.model.clock import Clock
from replicator.model.key import Key
from replicator.model.record import digest
from replicator.stores import Comparison, DeadLetter, Desk, Difference

DIFFERENCES_MAX = 1000
"""Differences that are noted in one commit."""


@dataclass(slots=True)
class Listed:
    """What the lists of this process have found.

    Attributes:
        under_way: whether one is running.
        keys: records listed by the newest one, by side.
        differences: keys that it noted.
        completed: how many lists were completed, their differences copied.
    """

    under_way: bool = False
    keys: dict[str, int] | None = None
    differences: int = 0
    completed: int = 0


class Lister:
    """Lists both sides of one pipeline, on demand and at intervals.

    Awaiting ``list_both()`` returns when a list begun after the call is complete and all of its differences
    have been copied. ``noted`` is told of each complete list: when it began, in seconds since the epoch.
    ``find_refused`` gives the dead letters of keys, open or waived. What was refused and is still there is
    left alone: to try it again with every list would only make new letters of it. Another version is
    not; its event may be lost, and the letter says nothing of it.
    """

    def __init__(
        self,
        pipeline: str,
        source: Scans,
        sink: Scans,
        dirt: Dirt,
        desk: Desk,
        retrier: Retrier,
        clock: Clock,
        noted: Callable[[float], None],
        find_refused: Callable[[Sequence[Key]], Awaitable[Mapping[Key, DeadLetter]]],
    ) -> None:
        self._pipeline = pipeline
        self._sides: tuple[tuple[str, Scans], ...] = (("source", source), ("sink", sink))
        self._dirt = dirt
        self._desk = desk
        self._retrier = retrier
        self._clock = clock
        self._noted = noted
        self._find_refused = find_refused
        self.listed = Listed()
        self.list_both = Shared(self._list_both)

    async def list_forever(self, limits: LiveLimits, ready: Callable[[], bool]) -> None:
        """List every ``list_seconds``, whenever ``ready``, until cancelled."""
        while True:
            await limits.sleep(lambda now: now.list_seconds)
            if ready():
                await self.list_both()

    async def _list_both(self) -> None:
        began = self._clock.wall()
        self.listed.under_way = True
        try:
            comparison = await self._desk.open_comparison(f"{self._pipeline}.list")
            try:
                await self._scan(comparison)
                await self._note_differences(comparison, began)
            finally:
                await comparison.close()
            await self._dirt.settled()
        finally:
            self.listed.under_way = False
        self.listed.completed += 1
        self._noted(began)

    async def _scan(self, comparison: Comparison) -> None:
        keys = {"source": 0, "sink": 0}
        for side, system in self._sides:
            async for rows in scan_all(system, side, self._retrier):
                await comparison.add(side, [(row.key, digest(row.record)) for row in rows])
                keys[side] += len(rows)
        self.listed.keys = keys

    async def _note_differences(self, comparison: Comparison, began: float) -> None:
        self.listed.differences = 0
        after: Key | None = None
        while found := await comparison.differences(after, DIFFERENCES_MAX):
            letters = await self._find_refused([each.key for each in found])
            new = [each.key for each in found if not _was_refused(each, letters.get(each.key))]
            await self._dirt.add([(key, began) for key in new])
            self.listed.differences += len(new)
            after = found[-1].key


def _was_refused(difference: Difference, letter: DeadLetter | None) -> bool:
    """Whether the letter is about what the source has now, be that nothing."""
    if letter is None:
        return False
    return difference.source == (None if letter.record is None else digest(letter.record))
