"""Verification of objects: of every body, by a checksum computed from its bytes.

A listing compares sizes and versions, and a version at the sink is what we wrote there ourselves. So each
object of the source is looked at: what it says of itself against what the sink says, and its checksum
against one that the sink's bytes give now. Where the source's service vouches for no checksum of the whole
body, its bytes are read, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from replicator.connector import FETCH_KEYS_MAX, Checks
from replicator.engine.parts import ObjectSink, ObjectSource
from replicator.engine.sweep import scan_all
from replicator.engine.verify import CANDIDATES_MAX, Verification, Verifier
from replicator.model.change import Row
from replicator.model.errors import ChangeError
from replicator.model.key import Key
from replicator.model.record import Object, describe_alike
from replicator.stores import Comparison, Report

BODIES_MAX = 8
"""Bodies that are read at a time; each streams through a bounded buffer of its own."""

SETTLE_PAUSES_SECONDS = (0.5, 1.0, 2.0)
"""Before each further look at what differs: tags change without showing in any list, so the event that
tells of them may still be on its way when everything that a list shows has been applied."""

ALGORITHMS = ("crc64nvme", "sha256", "md5", "sha1", "crc32c", "crc32")
"""In this order a checksum of the source's service is taken; the first is the cheapest to compute again."""


@dataclass(frozen=True)
class ObjectVerifier(Verifier):
    """Carries out one verification of objects; see ``Verifier`` for the rest."""

    source: ObjectSource
    sink: ObjectSink
    bodies: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(BODIES_MAX))

    async def _compare_all(self, progress: Verification, comparison: Comparison, report: Report) -> None:
        """Look at every object of the source, then at what only the sink has.

        What differs is examined together, because each examination waits for a list of both sides.
        """
        differing: list[Key] = []
        async for rows in scan_all(self.source, "source", self.retrier):
            progress.keys["source"] += len(rows)
            keys = [row.key for row in rows]
            for some in _chunks(keys, FETCH_KEYS_MAX):
                differing += await self._look(some)
                if len(differing) >= CANDIDATES_MAX:
                    await self._examine_now(differing, progress, report)
            for side in ("source", "sink"):  # on both: what the sink lacks of them is examined apart
                await comparison.add(side, [(key, b"") for key in keys])
        async for rows in scan_all(self.sink, "sink", self.retrier):
            progress.keys["sink"] += len(rows)
            await comparison.add("sink", [(row.key, b"") for row in rows])
        await self._examine_now(differing, progress, report)
        after: Key | None = None
        while found := await comparison.differences(after, CANDIDATES_MAX):
            extra = [each.key for each in found]
            progress.candidates += len(extra)
            await self._examine(extra, progress, report)
            after = extra[-1]

    async def _look(self, keys: Sequence[Key]) -> list[Key]:
        """Those of the keys that differ now."""
        in_source = await self._fetch_source(keys)
        in_sink = await self._fetch_sink(keys, in_source)
        return [key for key in keys if not self._same(in_source.get(key), in_sink.get(key))]

    async def _examine_now(self, keys: list[Key], progress: Verification, report: Report) -> None:
        """Examine the keys, and empty the list."""
        if keys:
            progress.candidates += len(keys)
            await self._examine(keys, progress, report)
            keys.clear()

    async def _fetch_source(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """The objects with at least one checksum each, read from the bytes where the service gives none."""
        found = dict(await super()._fetch_source(keys))
        bare = [row.key for row in found.values() if not _checksums(row)]
        return found | await self._check("source", self.source, [(key, ALGORITHMS[0]) for key in bare])

    async def _fetch_sink(self, keys: Sequence[Key], in_source: Mapping[Key, Row]) -> Mapping[Key, Row]:
        """The sink's objects, each with the checksum that the source's has, computed now."""
        return await self._check("sink", self.sink, [(key, _algorithm(in_source.get(key))) for key in keys])

    async def _check(self, side: str, system: object, wanted: Sequence[tuple[Key, str]]) -> dict[Key, Row]:
        if not isinstance(system, Checks):
            return {}
        checked: list[Row | None] = await _gather(
            self._check_one(side, system, key, algorithm) for key, algorithm in wanted
        )
        return {row.key: row for row in checked if row is not None}

    async def _check_one(self, side: str, system: Checks, key: Key, algorithm: str) -> Row | None:
        """The object, or None where there is none, or where its body cannot be read at all."""
        async with self.bodies:
            try:
                return await self.retrier.persist(side, "verify", partial(system.check, key, (algorithm,)))
            except ChangeError:  # it is a dead letter, and a mismatch until it is waived
                return None

    async def _settle(self, candidates: Sequence[Key], looks_max: int) -> dict[Key, str]:
        """What differs still when the events under way have had their time."""
        mismatched = await super()._settle(candidates, looks_max)
        for pause in SETTLE_PAUSES_SECONDS if looks_max > 1 else ():
            if not mismatched:
                break
            await asyncio.sleep(pause)
            mismatched = await super()._settle(list(mismatched), looks_max)
        return mismatched

    def _same(self, one: Row | None, other: Row | None) -> bool:
        if one is None or other is None:
            return one is other
        return objects_alike(one.record, other.record)


def objects_alike(one: object, other: object) -> bool:
    """Whether two objects say the same of themselves and share a checksum; sharing none proves nothing."""
    if not (isinstance(one, Object) and isinstance(other, Object)) or not describe_alike(one, other):
        return False
    common = one.checksums.keys() & other.checksums.keys()
    return bool(common) and all(one.checksums[name] == other.checksums[name] for name in common)


def _checksums(row: Row | None) -> Mapping[str, str]:
    return row.record.checksums if row is not None and isinstance(row.record, Object) else {}


def _algorithm(row: Row | None) -> str:
    given = _checksums(row)
    return next((name for name in ALGORITHMS if name in given), ALGORITHMS[0])


async def _gather(calls: Iterable[Awaitable[Row | None]]) -> list[Row | None]:
    """All of them at once; the first error ends the others."""
    async with asyncio.TaskGroup() as reading:
        tasks = [reading.create_task(_await(call), name="check") for call in calls]
    return [task.result() for task in tasks]


async def _await(call: Awaitable[Row | None]) -> Row | None:
    return await call


def _chunks(keys: Sequence[Key], size: int) -> Iterable[Sequence[Key]]:
    return (keys[first : first + size] for first in range(0, len(keys), size))
