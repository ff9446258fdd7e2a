"""Reading the bucket itself: listings in key ranges, and the headers of single objects."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from connectors.s3 import codec, ranges
from connectors.s3.config import SourceSettings
from connectors.s3.objects import Objects
from connectors.s3.ranges import Range
from replicator.model.change import Page, Row
from replicator.model.errors import ChangeError, first_cause
from replicator.model.key import Key

ROUNDS_MAX = 24
"""How often the ranges are looked at again to be cut."""

_LAST = "\x7f"
"""Greater than every character that a place is made of."""

_WORTH_CUTTING = 200
"""A range of fewer keys stays whole: taking a page of them apart takes longer than asking for it."""


class BucketReader:
    """Strongly consistent reads of one bucket (S3 user guide, "Amazon S3 data consistency model")."""

    def __init__(self, objects: Objects, settings: SourceSettings) -> None:
        self._objects = objects
        self._settings = settings

    async def pieces(self) -> Sequence[str]:
        """Key ranges that each hold something now; one where that is not worth cutting.

        They are found by asking for the keys after places, some ten short calls for each range. Only
        ranges of more than 200 keys, or than a page, are cut, in the middle of what their keys differ in.
        """
        found = [await self._look("", None) or Range("", None, "", "")]
        for _ in range(ROUNDS_MAX):
            room = self._settings.pieces_max - len(found)
            chosen = [each for each in found if each.middle() is not None][:room]
            if not chosen:
                break
            cuts = dict(zip(chosen, await asyncio.gather(*map(self._cut, chosen)), strict=True))
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

        names = list(filter(self._settings.replicates, map(codec.name_of, dict.fromkeys(keys))))
        try:
            async with asyncio.TaskGroup() as tasks:
                looks = [tasks.create_task(bounded(name)) for name in names]
        except BaseExceptionGroup as group:
            raise first_cause(group) from group
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
        return Row((key,), codec.object_of(key, headers, tags))

    async def estimate(self) -> int | None:
        """How many objects there are, where one call can list them; S3 keeps no count."""
        page = await self._objects.list("", 1000)
        return None if page.more else sum(self._settings.replicates(each.key) for each in page.objects)

    async def _listed(self, key: str) -> Row | None:
        listing = await self._objects.list("", 1, prefix=key)
        return next((codec.row_of(each) for each in listing.objects if each.key == key), None)

    async def _cut(self, one: Range) -> tuple[Range, ...]:
        """Its two halves; or itself, known better, where the upper one is empty."""
        middle = one.middle() or one.top
        upper = await self._look(middle, one.until)
        if upper is None:
            return (replace(one, top=middle),)
        return (await self._look(one.after, middle) or replace(one, until=middle), upper)

    async def _look(self, after: str, until: str | None) -> Range | None:
        """The range with what its keys are like now; None where it holds none."""
        page = await self._objects.list(after, min(_WORTH_CUTTING, self._settings.page_rows_max))
        within = [each.key for each in page.objects if until is None or each.key <= until]
        if not within:
            return None
        first = within[0]
        is_large = page.more and len(within) == len(page.objects)
        return Range(after, until, first, await self._top(first, until) if is_large else first)

    async def _top(self, first: str, until: str | None) -> str:
        """What no key of ASCII lies above: the longest beginning that all of the range share, ended."""
        shared, longer = len(self._settings.prefix), len(first)
        while shared < longer:
            length = (shared + longer + 1) // 2
            page = await self._objects.list(first[:length] + _LAST, 1)
            if not page.objects or (until is not None and page.objects[0].key > until):
                shared = length
            else:
                longer = length - 1
        return first[:shared] + _LAST
