"""Verification: whether the sink really holds what the source holds, and a list of every key where not.

Both sides are scanned and compared by digest, computed from what was read. That finds candidates only: a
key may just have changed between the two scans. Each candidate is then looked at by itself on both sides,
again and again with everything read in between applied, until it is equal, or differs while the source
stands still. Only then is it a mismatch. A key that never stands still counts as one, too: nothing is
called clean on hope.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from replicator.connector import FETCH_KEYS_MAX, Reads, Scans
from replicator.engine.restore import same
from replicator.engine.retry import Retrier
from replicator.engine.sweep import scan_all
from replicator.model.change import Row
from replicator.model.key import Key, key_text
from replicator.model.record import digest
from replicator.stores import Comparison, Report

LOOKS_MAX = 8
"""How often a candidate is looked at before a key that keeps changing counts as a mismatch."""

CANDIDATES_MAX = 1000
"""Candidates that are examined together, and so share the waiting for the delta to catch up."""

MISSING = "missing"
DIFFERENT = "different"
EXTRA = "extra"
UNSETTLED = "unsettled"
KINDS = (MISSING, DIFFERENT, EXTRA, UNSETTLED)


@dataclass(slots=True)
class Verification:
    """One pass over all keys; grows while it runs.

    Attributes:
        started_at, finished_at: seconds since the epoch; ``finished_at`` None while it runs.
        quiet_source: True where an operator vouched that nobody writes to the source: then the first
            difference counts.
        keys: records scanned, by side.
        candidates: keys whose digests differed between the scans.
        found: mismatches by kind, before any repair.
        repaired: how many of them were repaired and then found equal.
        waived: how many of them an operator waived as dead letters; they are listed and not repaired.
        report: where every mismatch is listed, one JSON line each.
        error: why the pass broke off, if it did.
    """

    started_at: float
    quiet_source: bool = False
    finished_at: float | None = None
    keys: dict[str, int] = field(default_factory=lambda: {"source": 0, "sink": 0})
    candidates: int = 0
    found: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    repaired: int = 0
    waived: int = 0
    report: str = ""
    error: str | None = None

    @property
    def mismatches(self) -> int:
        """What is left after the repairs and nobody waived."""
        return sum(self.found.values()) - self.repaired - self.waived


class ComparedSide(Scans, Reads, Protocol):
    """A side that can be scanned, and read by key."""


@dataclass(frozen=True)
class Verifier:
    """Carries out one verification.

    ``catch_up`` waits until everything committed at the source so far is applied; ``repair`` restores keys
    from the source, inside their lanes; None where nothing is to be repaired. ``find_waived`` tells which
    keys an operator has waived. ``found`` is told at once of mismatches, before the pass has ended.
    """

    source: ComparedSide
    sink: ComparedSide
    catch_up: Callable[[], Awaitable[object]]
    repair: Callable[[Sequence[Key]], Awaitable[None]] | None
    find_waived: Callable[[Sequence[Key]], Awaitable[Collection[Key]]]
    found: Callable[[Verification], None]
    retrier: Retrier

    async def verify(self, progress: Verification, comparison: Comparison, report: Report) -> None:
        """Fill in ``progress`` and the report."""
        progress.report = report.place
        await self.catch_up()
        await self._compare_all(progress, comparison, report)

    async def _compare_all(self, progress: Verification, comparison: Comparison, report: Report) -> None:
        """Scan both sides, then examine what differs."""
        await self._scan("source", self.source, progress, comparison)
        await self._scan("sink", self.sink, progress, comparison)
        after: Key | None = None
        while found := await comparison.differences(after, CANDIDATES_MAX):
            candidates = [each.key for each in found]
            progress.candidates += len(candidates)
            await self._examine(candidates, progress, report)
            after = candidates[-1]

    async def _scan(self, side: str, system: Scans, progress: Verification, into: Comparison) -> None:
        async for rows in scan_all(system, side, self.retrier):
            await into.add(side, [(row.key, digest(row.record)) for row in rows])
            progress.keys[side] += len(rows)

    async def _examine(self, candidates: Sequence[Key], progress: Verification, report: Report) -> None:
        mismatched = await self._settle(candidates, looks_max=1 if progress.quiet_source else LOOKS_MAX)
        if not mismatched:
            return
        waived = await self.find_waived(list(mismatched))
        repaired = await self._repair([key for key in mismatched if key not in waived])
        for kind in mismatched.values():
            progress.found[kind] += 1
        progress.repaired += len(repaired)
        progress.waived += len(waived)
        self.found(progress)
        await report.write(
            [
                {
                    "key": key_text(key),
                    "mismatch": kind,
                    "repaired": key in repaired,
                    "waived": key in waived,
                }
                for key, kind in mismatched.items()
            ]
        )

    async def _repair(self, keys: Sequence[Key]) -> Set[Key]:
        """Restore the keys, where that is wanted, and return those that are equal then."""
        if self.repair is None or not keys:
            return frozenset()
        await self.repair(keys)
        return set(keys) - (await self._settle(keys, LOOKS_MAX)).keys()

    async def _settle(self, candidates: Sequence[Key], looks_max: int) -> dict[Key, str]:
        """Those of the candidates that are mismatches, each with its kind.

        With more than one look it takes two in a row that say so, because a key that was changed and
        changed back between the two source reads only seems to stand still.
        """
        mismatched: dict[Key, str] = {}
        suspected: set[Key] = set()
        open_keys = list(candidates)
        for _ in range(looks_max):
            before = await self._fetch_source(open_keys)
            if looks_max > 1:
                await self.catch_up()
            in_sink = await self._fetch_sink(open_keys, before)
            after = before if looks_max == 1 else await self._fetch_source(open_keys)
            # Applied at least up to the first source read, the sink may hold either of the two states.
            still = [
                key
                for key in open_keys
                if not self._same(after.get(key), in_sink.get(key))
                and not self._same(before.get(key), in_sink.get(key))
            ]
            stood_still = {key for key in still if self._same(before.get(key), after.get(key))}
            for key in stood_still & suspected if looks_max > 1 else stood_still:
                mismatched[key] = _kind(after.get(key), in_sink.get(key))
            suspected = stood_still
            open_keys = [key for key in still if key not in mismatched]
            if not open_keys:
                break
        return mismatched | dict.fromkeys(open_keys, UNSETTLED)

    async def _fetch_source(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        return await self._fetch("source", self.source, keys)

    async def _fetch_sink(self, keys: Sequence[Key], _in_source: Mapping[Key, Row]) -> Mapping[Key, Row]:
        return await self._fetch("sink", self.sink, keys)

    def _same(self, one: Row | None, other: Row | None) -> bool:
        return same(one, other)

    async def _fetch(self, side: str, system: Reads, keys: Sequence[Key]) -> Mapping[Key, Row]:
        found: dict[Key, Row] = {}
        for first in range(0, len(keys), FETCH_KEYS_MAX):
            some = keys[first : first + FETCH_KEYS_MAX]
            found |= await self.retrier.persist(side, "verify", partial(system.fetch, some))
        return found


def _kind(in_source: Row | None, in_sink: Row | None) -> str:
    if in_source is None:
        return EXTRA
    return MISSING if in_sink is None else DIFFERENT
