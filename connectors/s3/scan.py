"""Reading the bucket itself: listings in key ranges, and the headers of single objects."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from connectors.s3 import codec, ranges
from connectors.s3.config import SourceSettings
from connectors.s3.objects import Objects
from connectors.s3.ranges import Range
from replicator.model.change import Page, Row
from replicator.model.errors import ChangeError
from replicator.model.key import Key

_LAST = "\x7f"
"""Greater than every character that a place is made of."""


class BucketReader:
    """Strongly consistent reads of one bucket (S3 user guide, "Amazon S3 data consistency model")."""

    def __init__(self, objects: Objects, settings: SourceSettings) -> None:
        self._objects = objects
        self._settings = settings

    async def pieces(self) -> Sequence[str]:
        """Key ranges that each hold something now; one where a single call lists everything.

        They are found by asking, a few dozen times at most, for the key after a place. They are of equal
        share in the keys' alphabet, not in their number, which only a listing could tell.
        """
        page = await self._objects.list("", self._settings.page_rows_max)
        if not page.more:
            return [ranges.whole()]
        first = page.objects[0].key
        found = [Range("", None, first, await self._top(first))]
        for _ in range(2 * self._settings.pieces_max.bit_length() + 4):
            room = self._settings.pieces_max - len(found)
            cuttable = [each for each in found if each.middle() is not None][:room]
            if not cuttable:
                break
            cuts = dict(zip(cuttable, await asyncio.gather(*map(self._cut, cuttable)), strict=True))
            found = [part for each in found for part in cuts.get(each, (each,))]
        return [each.piece() for each in found]

    async def scan(self, piece: str, cursor: str | None) -> Page:
        """The next page of a piece; the cursor is the last key that was listed."""
        after, until = ranges.bounds(piece)
        listing = await self._objects.list(
            after if cursor is None else cursor, self._settings.page_rows_max
        )
        within = [each for each in listing.objects if until is None or each.key <= until]
        rows = [codec.row_of(each) for each in within if self._settings.replicates(each.key)]
        ended = not listing.more or not within or len(within) < len(listing.objects)
        return Page(rows, None if ended else within[-1].key)

    async def fetch(self, keys: Iterable[Key]) -> Mapping[Key, Row]:
        """The objects of these keys now, without their bodies; so many at once as the settings say."""
        at_once = asyncio.Semaphore(self._settings.fetches_max)

        async def bounded(key: str) -> Row | None:
            async with at_once:
                return await self.look(key)

        names = [str(name) for (name,) in dict.fromkeys(keys) if self._settings.replicates(str(name))]
        async with asyncio.TaskGroup() as tasks:
            looks = [tasks.create_task(bounded(name)) for name in names]
        return {row.key: row for look in looks if (row := look.result()) is not None}

    async def look(self, key: str) -> Row | None:
        """One object; of one that only its owner's key opens, as much as a listing tells."""
        try:
            headers = await self._objects.head(key)
        except ChangeError:
            return await self._listed(key)
        tags = None if headers is None else await self._objects.tags(key, headers, of_head=True)
        if headers is None or tags is None:
            return None
        return Row((key,), codec.object_of(headers, tags))

    async def estimate(self) -> int | None:
        """How many objects there are, where one call can list them; S3 keeps no count."""
        page = await self._objects.list("", 1000)
        return None if page.more else sum(self._settings.replicates(each.key) for each in page.objects)

    async def _listed(self, key: str) -> Row | None:
        listing = await self._objects.list("", 1, prefix=key)
        return next((codec.row_of(each) for each in listing.objects if each.key == key), None)

    async def _cut(self, one: Range) -> tuple[Range, ...]:
        middle = one.middle()
        return (one,) if middle is None else one.cut(middle, await self._beyond(middle))

    async def _top(self, first: str) -> str:
        """What no key of ASCII lies above: the longest beginning that all of them share, ended."""
        shared, longer = len(self._settings.prefix), len(first)
        while shared < longer:
            length = (shared + longer + 1) // 2
            if await self._beyond(first[:length] + _LAST) is None:
                shared = length
            else:
                longer = length - 1
        return first[:shared] + _LAST

    async def _beyond(self, place: str) -> str | None:
        listing = await self._objects.list(place, 1)
        return listing.objects[0].key if listing.objects else None
