"""Restore: make the sink's record what the source's is now, by conditional writes (design 4.2).

Read the sink's ETag, then the source, then write if the ETag is still the same; start over where it is
not. What was written then reflects a state of the source at least as new as every write before it.
Verification's repair, a dead letter's replay, the sweep and the reconciling backfill all end here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from replicator.connector import FETCH_KEYS_MAX, Conditions, Inserts, Reads, Writes
from replicator.engine.lanes import RESTORE, ROW
from replicator.model.change import Change, Kind, Row
from replicator.model.errors import BatchError, ReplicatorError, TransientError
from replicator.model.key import Key
from replicator.model.record import digest

LOOKS_MAX = 20
"""How often a key is looked at in one call before the call is repeated with back-off."""

WRITES_MAX = 8
"""Conditional writes of one call that are under way at a time; each is a call of its own to the sink."""

Looked = tuple[Change, Row | None]
"""What a key's record ought to become, and the row that was found at the sink."""


class InsertingSink(Writes, Inserts, Protocol):
    """A sink that a backfill can fill."""


class RepairableSink(InsertingSink, Conditions, Reads, Protocol):
    """A sink whose records can be compared and written on condition."""


@dataclass(frozen=True)
class Restore:
    """The sink's record becomes what the source's is; the given change matters only by its key.

    With ``deletes_only`` a record that the source still has is left to the delta.
    """

    source: Reads
    sink: RepairableSink
    deletes_only: bool = False
    name: str = "restore"
    by_state: bool = False

    @property
    def rank(self) -> int:
        """A sweep may have nothing to do; a restore always brings the source's state."""
        return ROW if self.deletes_only else RESTORE

    async def perform(self, changes: Sequence[Change]) -> None:
        """Look at the keys, and again at those that moved or were created, until all are settled.

        Raises:
            BatchError: names the keys that are not settled. What is settled stays so, and a repeated call
                has less to do: a slow sink delays a large batch, but never holds it up for good.
        """
        unsettled = {change.key: change for change in changes}
        for _ in range(LOOKS_MAX):
            unsettled = await self._look(unsettled)
            if not unsettled:
                return
        contended = TransientError(
            "the record keeps changing under its repair", settled=True, reason="contended"
        )
        raise BatchError(dict.fromkeys(unsettled, contended))

    async def _look(self, changes: Mapping[Key, Change]) -> dict[Key, Change]:
        """The sink's ETags first, then the source, then the writes; return the keys to look at again."""
        keys = list(changes)
        in_sink = await fetch_all(self.sink, keys)
        in_source = await fetch_all(self.source, keys)
        wanted = [
            (_wanted(change, in_source.get(key)), in_sink.get(key))
            for key, change in changes.items()
            if not same(in_source.get(key), in_sink.get(key))
            and not (self.deletes_only and key in in_source)
        ]
        landed, failures = await self._write(wanted)
        again = [change.key for change, found in wanted if _needs_another_look(change, found, landed)]
        if failures:
            first = next(iter(failures.values()))
            raise BatchError({key: failures.get(key, first) for key in again})
        return {key: changes[key] for key in again}

    async def _write(self, wanted: Sequence[Looked]) -> tuple[set[Key], dict[Key, ReplicatorError]]:
        """The keys whose condition held, and those whose call failed; one's failure leaves the others."""
        landed: set[Key] = set()
        failures: dict[Key, ReplicatorError] = {}
        bound = asyncio.Semaphore(WRITES_MAX)

        async def write(change: Change, found: Row | None) -> None:
            async with bound:
                try:
                    if await self.sink.write_if(change, None if found is None else found.etag):
                        landed.add(change.key)
                except ReplicatorError as error:
                    failures[change.key] = error

        async with asyncio.TaskGroup() as writing:
            for change, found in wanted:
                writing.create_task(write(change, found), name="restore-write")
        return landed, failures


def _needs_another_look(change: Change, found: Row | None, landed: set[Key]) -> bool:
    """A create had no ETag to stand on, so only a second look proves it."""
    return found is None or change.key not in landed


def _wanted(change: Change, in_source: Row | None) -> Change:
    if in_source is None:
        return Change(Kind.DELETE, change.key, None, change.committed_at)
    return Change(Kind.UPSERT, change.key, in_source.record, change.committed_at)


def same(one: Row | None, other: Row | None) -> bool:
    """Whether two records, or their absence, mean the same."""
    if one is None or other is None:
        return one is other
    return digest(one.record) == digest(other.record)


async def fetch_all(system: Reads, keys: Sequence[Key]) -> dict[Key, Row]:
    """The records of these keys, however many, in as few calls as the contract allows."""
    found: dict[Key, Row] = {}
    for first in range(0, len(keys), FETCH_KEYS_MAX):
        found |= await system.fetch(keys[first : first + FETCH_KEYS_MAX])
    return found
