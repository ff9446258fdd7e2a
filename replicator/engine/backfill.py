"""Backfill: copies what was there before the delta began, in pieces, beside the running delta.

Each piece is read page by page. While one page is being written the next is read ahead; it is handed to
the lanes only when the progress of the one before is durable, so that a restart repeats at most one page
of each piece (design 4.1, rule 6).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from replicator.connector import Estimates, Scans
from replicator.engine.calls import Calls, Places
from replicator.engine.delivery import Delivery
from replicator.engine.keeper import Keeper
from replicator.engine.lanes import Operation
from replicator.engine.limits import LiveLimits
from replicator.engine.retry import Retrier
from replicator.engine.tracker import Ticket
from replicator.model.change import Change, Kind, Page, Row
from replicator.model.checkpoint import PIECE_DONE, Backfill, Mode
from replicator.model.key import Key
from replicator.model.record import Item

Unpaused = Callable[[], Awaitable[object]]
"""Waits while the pipeline is paused."""


async def plan(source: Scans, retrier: Retrier, run: int, mode: Mode, now: float) -> Backfill:
    """A new run: its pieces, fixed from now on, and the source's estimate of the total."""
    pieces = await retrier.persist("source", "pieces", source.pieces)
    estimated = None
    if isinstance(source, Estimates):
        estimated = await retrier.persist("source", "estimate", source.estimate)
    return Backfill(run=run, mode=mode, pieces=tuple(pieces), rows_estimated=estimated, started_at=now)


class Copier:
    """Copies the rows of one run."""

    def __init__(
        self,
        source: Scans,
        operation: Operation,
        delivery: Delivery,
        keeper: Keeper,
        retrier: Retrier,
        calls: Calls,
        unpaused: Unpaused,
    ) -> None:
        self._source = source
        self._operation = operation
        self._delivery = delivery
        self._keeper = keeper
        self._retrier = retrier
        self._calls = calls
        self._unpaused = unpaused

    async def copy(self, limits: LiveLimits) -> None:
        """Return when every row of every piece is durable, and the progress says so."""
        bound = Places(lambda: limits.now.backfill_pieces_in_flight_max)
        limits.follow(bound.admit)
        cursors = self._keeper.backfill.cursors
        async with asyncio.TaskGroup() as copying:
            for piece in self._keeper.backfill.pieces:
                if cursors.get(piece) != PIECE_DONE:
                    copying.create_task(self._copy_piece(piece, bound), name=f"backfill-{piece}")

    async def _copy_piece(self, piece: str, bound: Places) -> None:
        async with bound:
            page = await self._read(piece, self._keeper.backfill.cursors.get(piece))
            while True:
                written = write_rows(self._delivery, self._operation, page.rows)
                ahead: Page | None = None
                if page.cursor is not None:
                    ahead = await self._read(piece, page.cursor)
                await written
                await self._progress(piece, page)
                if ahead is None:
                    return
                page = ahead

    async def _read(self, piece: str, cursor: str | None) -> Page:
        await self._unpaused()
        async with self._calls:
            return await self._retrier.persist("source", f"scan:{piece}", lambda: self._scan(piece, cursor))

    async def _scan(self, piece: str, cursor: str | None) -> Page:
        await self._calls.keep()
        return await self._calls.noting(self._source.scan(piece, cursor))

    async def _progress(self, piece: str, page: Page) -> None:
        backfill = self._keeper.backfill
        cursors = {**backfill.cursors, piece: page.cursor or PIECE_DONE}
        self._keeper.note(replace(backfill, cursors=cursors, rows=backfill.rows + len(page.rows)))
        await self._keeper.save()


def write_rows(delivery: Delivery, operation: Operation, rows: Sequence[Row]) -> asyncio.Future[None]:
    """Submit rows; the future is done when all of them are durable."""
    durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    if not rows:
        durable.set_result(None)
        return durable

    def done() -> None:
        if not durable.cancelled():
            durable.set_result(None)

    changes = [Change(Kind.UPSERT, row.key, row.record, 0.0) for row in rows]
    delivery.submit(operation, changes, Ticket(len(changes), done))
    return durable


def restore_keys(delivery: Delivery, operation: Operation, keys: Sequence[Key]) -> asyncio.Future[None]:
    """Submit keys to an operation that looks the records up itself; done when all are settled."""
    return write_rows(delivery, operation, [Row(key, Item({})) for key in keys])
