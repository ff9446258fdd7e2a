"""Bugs of pipelines of items, each a small patch onto one pipeline before it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count
from types import MethodType
from typing import Any

from replicator.connector import Sink, Start
from replicator.engine.delivery import Delivery
from replicator.engine.items import ItemPipeline
from replicator.engine.lanes import Lane, Lanes, Operation, Slot, Write
from replicator.engine.tracker import Ticket, Tracker
from replicator.model.change import Batch, Change, Positions
from replicator.model.checkpoint import Backfill, Mode
from replicator.testing.planting import patch
from replicator.testing.world import Plants

_lane_numbers = count()


def checkpoint_before_write(pipeline: ItemPipeline) -> None:
    """The checkpoint holds what was read, not what is durable."""
    _replace_tracker(pipeline, _ReadIsDurable)


def no_contiguous_tracker(pipeline: ItemPipeline) -> None:
    """Whichever batch becomes durable first moves the position, over the gaps before it."""
    _replace_tracker(pipeline, _LatestIsDurable)


def tombstones_off(pipeline: ItemPipeline) -> None:
    """Deletes leave no tombstone, so a row read before a delete is written after it."""

    async def bury(_changes: Sequence[Change]) -> None:
        await asyncio.sleep(0)

    patch(pipeline.graveyard, bury=bury)


def lanes_off(pipeline: ItemPipeline) -> None:
    """Two writes of one key may be under way at once."""
    pipeline.delivery.lanes.__class__ = _NoLanes


def insert_into_a_sink_that_was_not_empty(pipeline: ItemPipeline) -> None:
    """Rows are inserted if absent although the sink held something when the run began."""
    plan = pipeline._plan  # noqa: SLF001 - the bug sits inside

    async def plan_wrongly(before: Backfill | None, sink: Sink) -> Backfill:
        return replace(await plan(before, sink), mode=Mode.INSERT)

    patch(pipeline, _plan=plan_wrongly)


def lane_goes_on_after_unknown_outcome(pipeline: ItemPipeline) -> None:
    """A key's next write follows at once although an earlier call of it may still land."""
    resolve = Delivery._resolve  # noqa: SLF001 - the bug sits inside

    def resolve_at_once(
        self: Delivery, pending: dict[Any, Lane], failures: dict[Any, Exception], _until: float | None
    ) -> None:
        resolve(self, pending, failures, None)

    patch(pipeline.delivery, _resolve=MethodType(resolve_at_once, pipeline.delivery))


def start_at_latest(pipeline: ItemPipeline) -> None:
    """The delta begins where the source stands when it is first read, not before the first row is."""
    source: Any = pipeline.source
    connect, read = source.connect, source.read
    first_read = False

    async def connect_later(positions: Positions | None) -> Start:
        nonlocal first_read
        first_read = positions is None
        start: Start = await connect(positions)
        return start

    async def read_from_latest() -> Batch:
        nonlocal first_read
        if first_read:
            await asyncio.sleep(0.5)  # the time that discovering shards takes
            _skip_to_latest(source.inner)
            first_read = False
        batch: Batch = await read()
        return batch

    patch(source, connect=connect_later, read=read_from_latest)


def forgotten_too_early(pipeline: ItemPipeline) -> None:
    """The source is told to forget what was read, before it is in the sink and in the checkpoint."""
    commit = pipeline.source.commit

    async def commit_read(_positions: Positions) -> None:
        await commit(dict(pipeline.tracker.read_positions))

    patch(pipeline.source, commit=commit_read)


def no_wait_after_unclean_stop(pipeline: ItemPipeline) -> None:
    """A new process writes at once although calls of the killed one may still land."""
    patch(pipeline.delivery, hush=lambda _seconds: None)


ITEM_BUGS: Plants = {
    bug.__name__: bug
    for bug in (
        checkpoint_before_write,
        no_contiguous_tracker,
        tombstones_off,
        lanes_off,
        insert_into_a_sink_that_was_not_empty,
        lane_goes_on_after_unknown_outcome,
        start_at_latest,
        forgotten_too_early,
        no_wait_after_unclean_stop,
    )
}
"""Every bug by its name."""


class _ReadIsDurable(Tracker):
    @property
    def durable_positions(self) -> Positions:
        return dict(self._read_positions)


class _LatestIsDurable(Tracker):
    def _settle(self) -> None:
        for entry in self._sequence:
            if not entry.ticket.pending:
                self._durable_positions |= {name: at for name, at in entry.moves.items() if at is not None}
        super()._settle()


class _NoLanes(Lanes):
    def submit(
        self, operation: Operation, changes: Iterable[Change], ticket: Ticket, partition: str | None
    ) -> None:
        for change in changes:
            lane = Lane(change.key, self._group(change.key), Write(operation, change, ticket, partition))
            self._lanes[(*change.key, str(next(_lane_numbers)))] = lane
            self._stand(lane, operation.name)

    def take(self, slot: Slot, changes_max: int) -> list[Lane]:
        """A batch still holds each key once; a second write of it goes into the next batch."""
        taken: dict[Any, Lane] = {}
        for lane in super().take(slot, changes_max):
            if taken.setdefault(lane.key, lane) is not lane:
                lane.waiting, lane.writing = lane.writing, None
                self._stand(lane, slot[0])
        return list(taken.values())

    def release(self, lanes: Iterable[Lane]) -> None:
        over = set(map(id, lanes))
        self._lanes = {number: lane for number, lane in self._lanes.items() if id(lane) not in over}


def _replace_tracker(pipeline: ItemPipeline, kind: type[Tracker]) -> None:
    begin = pipeline._begin  # noqa: SLF001 - the bug sits inside

    def begin_wrongly(*args: Any) -> None:
        begin(*args)
        pipeline.tracker.__class__ = kind

    patch(pipeline, _begin=begin_wrongly)


def _skip_to_latest(source: Any) -> None:
    places, shards = source._places, source._table.shards  # noqa: SLF001 - the bug sits inside
    for name, place in places.items():
        places[name] = place._replace(read=shards[name].end)
