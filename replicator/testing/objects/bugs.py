"""Bugs of pipelines of objects, each a small patch onto one pipeline before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from types import MethodType
from typing import Any

from replicator.connector import Body
from replicator.engine.dead_letters import OPEN
from replicator.engine.delivery import Delivery
from replicator.engine.objects import ObjectPipeline, copying
from replicator.engine.objects.copying import CopyRow, is_copy
from replicator.engine.proof import BY_LIST
from replicator.engine.tracker import Ticket
from replicator.model.change import Batch, Change, Page
from replicator.model.key import Key
from replicator.stores import DeadLetter, DirtyRow, Noted
from replicator.testing.planting import patch
from replicator.testing.world import Plants


def generation_used_again(pipeline: ObjectPipeline) -> None:
    """The counter of generations starts over whenever there is no dirty row."""
    store: Any = pipeline.parts.store
    disk = store._inner._disk  # noqa: SLF001 - the bug sits inside
    add = store._inner.add_dirty  # noqa: SLF001

    async def add_dirty(name: str, keys: Sequence[tuple[Key, float]], **given: Any) -> Noted:
        if not disk.dirty.get(name):
            disk.generations_given = 0
        noted: Noted = await add(name, keys, **given)
        return noted

    patch(store._inner, add_dirty=add_dirty)  # noqa: SLF001


def dirty_row_cleared_without_its_generation(pipeline: ObjectPipeline) -> None:
    """What was copied is cleared, although it was noted again meanwhile."""
    store: Any = pipeline.parts.store
    disk = store._inner._disk  # noqa: SLF001 - the bug sits inside
    clear = store._inner.clear_dirty  # noqa: SLF001

    async def clear_dirty(name: str, rows: Sequence[DirtyRow], **given: Any) -> int:
        noted = disk.dirty.get(name, {})
        cleared: int = await clear(name, [noted.get(row.key, row) for row in rows], **given)
        return cleared

    patch(store._inner, clear_dirty=clear_dirty)  # noqa: SLF001


def events_forgotten_before_the_note(pipeline: ObjectPipeline) -> None:
    """An event counts as dealt with when it is read, not when it is noted."""
    submit = pipeline._submit  # noqa: SLF001 - the bug sits inside

    def submit_settled(batch: Batch, ticket: Ticket) -> None:
        submit(batch, Ticket(len(batch.changes), lambda: None))
        for _ in batch.changes:
            ticket.resolve()

    patch(pipeline, _submit=submit_settled)


def refused_key_never_listed_again(pipeline: ObjectPipeline) -> None:
    """A list leaves a key alone for good once it is a dead letter, whatever its version."""
    lister = pipeline.lister
    add = pipeline.dirt.add

    async def add_unrefused(keys: Sequence[tuple[Key, float]]) -> None:
        refused = await lister._find_refused([key for key, _ in keys])  # noqa: SLF001 - the bug sits inside
        await add([(key, since) for key, since in keys if key not in refused])

    patch(pipeline.dirt, add=add_unrefused)


def cleared_before_it_is_copied(pipeline: ObjectPipeline) -> None:
    """A dirty row counts as copied when it is handed over."""

    async def hand_over(rows: Sequence[DirtyRow], done: Any) -> None:
        await pipeline._hand_over(rows, lambda _row: None)  # noqa: SLF001 - the bug sits inside
        for row in rows:
            done(row)

    patch(pipeline.dirt, _hand_over=hand_over)


def copy_goes_on_after_unknown_outcome(pipeline: ObjectPipeline) -> None:
    """A copy is repeated, and its key is free again, although an earlier call of it may still land."""
    resolve = Delivery._resolve  # noqa: SLF001 - the bug sits inside

    def resolve_at_once(self: Delivery, pending: Any, failures: Any, _until: float | None) -> None:
        resolve(self, pending, failures, None)

    patch(pipeline.delivery, _resolve=MethodType(resolve_at_once, pipeline.delivery))
    patch(pipeline.copy, by_state=False)


def copy_without_condition(pipeline: ObjectPipeline) -> None:
    """An upload overwrites whatever the sink has when it lands."""
    inner: Any = pipeline.sink
    upload, store = inner.inner.upload, inner.inner._store  # noqa: SLF001 - the bug sits inside
    commit = store.commit

    async def upload_blindly(key: Key, body: Body, _etag: str | None) -> bool:
        store.commit = commit_blindly
        return bool(await upload(key, body, None))

    def commit_blindly(name: str, blocks: Any, record: Any, _if_match: str | None) -> str:
        held = store.objects.get(name)
        return str(commit(name, blocks, record, None if held is None else held.etag))

    patch(inner.inner, upload=upload_blindly)


def source_read_before_the_sink(pipeline: ObjectPipeline) -> None:
    """A copy opens the source first, and takes the ETag that the sink has then."""
    source, sink = pipeline.source, pipeline.sink

    async def perform(changes: Sequence[Change]) -> None:
        for change in changes:
            async with source.download(change.key) as body:
                found = await copying._look(sink, change.key)  # noqa: SLF001 - the bug sits inside
                if body is None:
                    if found is not None:
                        await sink.remove(change.key, found.etag or "")
                elif found is None or not is_copy(body.record, found.record):
                    await sink.upload(change.key, body, None if found is None else found.etag)

    patch(pipeline.copy, perform=perform)


def block_ids_shared_by_attempts(pipeline: ObjectPipeline) -> None:
    """The blocks of every attempt have the same ids.

    What is real of it is ``block_id``, by which the sinks in memory and of Blob Storage name blocks; the
    store models Put Block and Put Block List.
    """
    sink: Any = pipeline.sink
    patch(sink.inner._store, new_attempt=lambda: 0)  # noqa: SLF001 - the bug sits inside


def listed_row_taken_as_written(pipeline: ObjectPipeline) -> None:
    """The backfill leaves alone whatever the sink has already, without looking what it is."""
    perform = CopyRow.perform

    async def perform_if_absent(self: CopyRow, changes: Sequence[Change]) -> None:
        found = await self.sink.fetch([change.key for change in changes])
        await perform(self, [change for change in changes if change.key not in found])

    run = pipeline._run_backfill  # noqa: SLF001 - the bug sits inside

    async def run_wrongly() -> str:
        submit = pipeline.delivery.submit

        def submit_wrongly(operation: Any, *given: Any) -> None:
            if isinstance(operation, CopyRow):
                patch(operation, perform=MethodType(perform_if_absent, operation))
            submit(operation, *given)

        patch(pipeline.delivery, submit=submit_wrongly)
        return await run()

    patch(pipeline, _run_backfill=run_wrongly)


def list_of_the_source_alone(pipeline: ObjectPipeline) -> None:
    """A reconciling list does not see what only the sink has."""

    async def scan(piece: str, cursor: str | None) -> Page:
        page = await pipeline.sink.scan(piece, cursor)
        there = await pipeline.source.fetch([row.key for row in page.rows])
        return Page([row for row in page.rows if row.key in there], page.cursor)

    sink: Any = type("SinkSide", (), {"pieces": pipeline.sink.pieces, "scan": staticmethod(scan)})
    patch(pipeline.lister, _sides=(("source", pipeline.source), ("sink", sink)))


def canary_without_a_list(pipeline: ObjectPipeline) -> None:
    """A barrier relies on the events that came before its mark."""

    async def applied() -> str:
        await pipeline.proofs.applied()
        await pipeline.dirt.settled()
        return BY_LIST

    patch(pipeline, applied=applied)


def list_done_before_its_copies(pipeline: ObjectPipeline) -> None:
    """A list counts as complete when its differences are noted, not when they are copied."""

    async def settled() -> None:
        await pipeline.dirt.add(())

    patch(pipeline.dirt, settled=settled)


def lag_of_the_newest(pipeline: ObjectPipeline) -> None:
    """The lag is that of what was noted last."""
    kind = type(pipeline.dirt)

    def newest_since(self: Any) -> float | None:
        rows = self._store._inner._disk.dirty.get(self._pipeline, {})  # noqa: SLF001
        return max((row.since for row in rows.values()), default=None)

    pipeline.dirt.__class__ = type("Dirt", (kind,), {"oldest_since": property(newest_since)})


def letter_settled_by_its_key(pipeline: ObjectPipeline) -> None:
    """A copy settles whatever letter its key has when it is over, though it was refused itself."""
    morgue = pipeline.morgue
    settle = morgue.settle

    async def settle_newest(letters: Sequence[DeadLetter]) -> None:
        newest = await morgue.find([letter.key for letter in letters], (OPEN,))
        await settle(list(newest.values()))

    patch(morgue, settle=settle_newest)


OBJECT_BUGS: Plants = {
    bug.__name__: bug
    for bug in (
        generation_used_again,
        dirty_row_cleared_without_its_generation,
        events_forgotten_before_the_note,
        cleared_before_it_is_copied,
        copy_goes_on_after_unknown_outcome,
        copy_without_condition,
        source_read_before_the_sink,
        block_ids_shared_by_attempts,
        listed_row_taken_as_written,
        list_of_the_source_alone,
        canary_without_a_list,
        list_done_before_its_copies,
        lag_of_the_newest,
        refused_key_never_listed_again,
        letter_settled_by_its_key,
    )
}
"""Every bug by its name."""
