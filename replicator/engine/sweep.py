"""Sweep: after the end mark, removes what the sink has and the source does not.

Candidates are the keys with a tombstone and, where the sink was not empty, every key found by scanning the
sink. A candidate is deleted only if a consistent source read finds nothing, and only on condition that
the sink's record is still the one that was looked at (design 4.1, rules 3 and 4).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial

from replicator.connector import FETCH_KEYS_MAX, Reads, Scans
from replicator.engine.backfill import restore_keys
from replicator.engine.delivery import Delivery
from replicator.engine.restore import Restore
from replicator.engine.retry import Retrier
from replicator.model.change import Row
from replicator.model.key import Key
from replicator.stores import Tombstones


class Sweeper:
    """Sweeps one pipeline's sink."""

    def __init__(self, source: Reads, delivery: Delivery, restore: Restore, retrier: Retrier) -> None:
        """``restore`` has to be one with ``deletes_only``."""
        self._source = source
        self._delivery = delivery
        self._restore = restore
        self._retrier = retrier

    async def sweep_tombstones(self, store: Tombstones, pipeline: str, run: int) -> None:
        """Look at every key that was deleted while rows were written."""
        after: Key | None = None
        while keys := await store.list_tombstones(pipeline, run, after, FETCH_KEYS_MAX):
            await self._sweep(keys)
            after = keys[-1]

    async def sweep_sink(self, sink: Scans) -> None:
        """Look at every key of the sink."""
        async for rows in scan_all(sink, "sink", self._retrier):
            for first in range(0, len(rows), FETCH_KEYS_MAX):
                await self._sweep([row.key for row in rows[first : first + FETCH_KEYS_MAX]])

    async def _sweep(self, keys: Sequence[Key]) -> None:
        present = await self._retrier.persist("source", "sweep", lambda: self._source.fetch(keys))
        absent = [key for key in keys if key not in present]
        await restore_keys(self._delivery, self._restore, absent)


async def scan_all(system: Scans, side: str, retrier: Retrier) -> AsyncIterator[Sequence[Row]]:
    """Every page of every piece, one after the other."""
    for piece in await retrier.persist(side, "pieces", system.pieces):
        cursor: str | None = None
        while True:
            page = await retrier.persist(side, f"scan:{piece}", partial(system.scan, piece, cursor))
            yield page.rows
            cursor = page.cursor
            if cursor is None:
                break
