"""Bugs of backfills of items, of tombstones and of replays, each a small patch as in ``bugs``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from connectors.memory.table import LogPage
from replicator.engine.items import ItemPipeline
from replicator.engine.operations import Reconcile
from replicator.engine.tracker import Ticket
from replicator.model.change import Change, Kind, Page
from replicator.stores import DeadLetter
from replicator.testing.planting import patch
from replicator.testing.world import Plants


def tombstone_after_its_delete(pipeline: ItemPipeline) -> None:
    """A delete is at the sink before its tombstone is durable."""

    async def perform(changes: Sequence[Change]) -> None:
        await pipeline.sink.write(changes)
        await pipeline.graveyard.bury(changes)

    patch(pipeline.apply, perform=perform)


def tombstone_cleared_by_an_upsert(pipeline: ItemPipeline) -> None:
    """A key that is written again needs no tombstone any more; they are cleared when there is time."""
    store: Any = pipeline.parts.store
    disk = store._inner._disk  # noqa: SLF001 - the bug sits inside
    perform = pipeline.apply.perform

    def clear(changes: Sequence[Change]) -> None:
        for noted in disk.tombstones.values():
            for change in changes:
                if change.kind is Kind.UPSERT:
                    noted.pop(change.key, None)

    async def perform_and_clear(changes: Sequence[Change]) -> None:
        await perform(changes)
        asyncio.get_running_loop().call_later(0.5, clear, changes)

    patch(pipeline.apply, perform=perform_and_clear)


def backfill_rows_as_upserts(pipeline: ItemPipeline) -> None:
    """A row of the backfill is written over whatever is there."""
    patch(pipeline.sink, insert=pipeline.sink.write)


def scanned_row_written_as_read(pipeline: ItemPipeline) -> None:
    """Where the sink has another record the scanned row is written, without reading the source again."""
    submit = pipeline.delivery.submit

    def submit_wrongly(operation: Any, *given: Any) -> None:
        if isinstance(operation, Reconcile):
            patch(operation, restore=pipeline.apply)
        submit(operation, *given)

    patch(pipeline.delivery, submit=submit_wrongly)


def empty_page_taken_for_the_end(pipeline: ItemPipeline) -> None:
    """A page without rows counts as the last one of its piece."""
    scan: Callable[..., Any] = pipeline.source.scan

    async def scan_to_a_gap(piece: str, cursor: str | None) -> Page:
        page: Page = await scan(piece, cursor)
        return page if page.rows else Page([], None)

    patch(pipeline.source, scan=scan_to_a_gap)


def empty_read_taken_for_the_end(pipeline: ItemPipeline) -> None:
    """A shard that gives nothing counts as read to its end, although records may come behind it."""
    source: Any = pipeline.source
    read_to = source.inner._read_to  # noqa: SLF001 - the bug sits inside

    def read_to_the_end(page: LogPage) -> float | None:
        taken: float | None = read_to(page if page.entries else page._replace(at_end=True))
        return taken

    patch(source.inner, _read_to=read_to_the_end)


def child_shard_before_its_parents_end(pipeline: ItemPipeline) -> None:
    """A shard is read as soon as there is one, although its parent has not been read to its end."""
    inner: Any = pipeline.source
    source = inner.inner
    readable = source._readable  # noqa: SLF001 - the bug sits inside

    def readable_at_once() -> list[str]:
        for name in list(source._places):  # noqa: SLF001
            source._places.update(source._opened_by(name))  # noqa: SLF001
        names: list[str] = readable()
        return names[::-1]  # the newest first

    patch(source, _waits_for_parent=lambda _places, _name: False, _readable=readable_at_once)


def dead_letter_replayed_without_reading_the_source(pipeline: ItemPipeline) -> None:
    """A replay writes what the letter holds."""

    async def replay(letter: DeadLetter) -> bool:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        change = Change(letter.kind, letter.key, letter.record, 0.0)
        pipeline.delivery.submit(pipeline.apply, [change], Ticket(1, lambda: done.set_result(None)))
        await done
        return True

    patch(pipeline, replay=replay)


def lag_of_the_last_applied_change(pipeline: ItemPipeline) -> None:
    """The lag is the age of what was applied last."""
    perform, oldest_pending = pipeline.apply.perform, pipeline.oldest_pending
    applied_at = 0.0

    async def perform_and_note(changes: Sequence[Change]) -> None:
        nonlocal applied_at
        await perform(changes)
        applied_at = max(change.committed_at for change in changes)

    patch(pipeline.apply, perform=perform_and_note)
    patch(pipeline, oldest_pending=lambda: dict.fromkeys(oldest_pending(), applied_at))


BACKFILL_BUGS: Plants = {
    bug.__name__: bug
    for bug in (
        tombstone_after_its_delete,
        tombstone_cleared_by_an_upsert,
        backfill_rows_as_upserts,
        scanned_row_written_as_read,
        empty_page_taken_for_the_end,
        empty_read_taken_for_the_end,
        child_shard_before_its_parents_end,
        dead_letter_replayed_without_reading_the_source,
        lag_of_the_last_applied_change,
    )
}
"""Every one of these bugs by its name."""
