"""Telling: what a running pipeline says of itself, as plain data."""

from __future__ import annotations

from dataclasses import replace

from replicator.connector import Notices, Retains
from replicator.engine.gate import QueueStatus
from replicator.engine.lag import Lag, measure
from replicator.engine.messages import MessagePipeline
from replicator.engine.objects import ObjectPipeline
from replicator.engine.parts import shape_of_source
from replicator.engine.pipeline import Pipeline
from replicator.engine.rate import Rate
from replicator.engine.status import BackfillStatus, ListStatus, PipelineStatus, State
from replicator.model.checkpoint import PIECE_DONE, Phase

TROUBLE_SECONDS_MAX = 30.0
"""A side that has been in trouble for longer makes the pipeline unhealthy, however fresh the other is."""


def told_of(
    pipeline: Pipeline, status: PipelineStatus, rate: Rate, freshness_seconds_max: float
) -> PipelineStatus:
    """The status, with all that is known of this incarnation at this moment."""
    connected = pipeline.connected.is_set()
    source = pipeline.parts.source
    told = replace(
        status,
        shape=shape_of_source(source),
        lag=_lag_of(pipeline, freshness_seconds_max),
        backfill=_backfill_of(pipeline, rate),
        proof=pipeline.proof,
        retains=isinstance(source, Retains),
        changes_read=pipeline.changes_read,
        changes_written=dict(pipeline.written.changes),
        changes_in_flight=pipeline.tracker.changes_pending if connected else 0,
        changes_waiting=pipeline.waiting,
        bytes_in_flight=pipeline.tracker.bytes_pending if connected else 0,
        lanes=pipeline.lanes_busy,
        dead_letters_open=pipeline.morgue.open,
        checkpoint_saved_at=pipeline.saved_at,
        troubles=pipeline.troubles.current,
        listing=_listing_of(pipeline),
        queue=_queue_of(pipeline, freshness_seconds_max),
        notices=(*status.notices, *_notices_of(pipeline)),
        calls=tuple(calls.status() for calls in pipeline.calls),
    )
    well = status.state is State.RUNNING and _is_read(told) and not _has_old_trouble(pipeline)
    return replace(told, healthy=status.state is State.PAUSED or well)


def _is_read(status: PipelineStatus) -> bool:
    """Whether the source is known up to now: read, or, where a queue is held, looked at."""
    if status.queue is not None and status.queue.mode == "hold":
        return status.queue.backlog_changes is not None
    return status.lag is not None and not status.lag.stale


def _has_old_trouble(pipeline: Pipeline) -> bool:
    """Whether something has been waiting for longer than a passing disturbance lasts."""
    now = pipeline.parts.clock.wall()
    return any(now - trouble.since > TROUBLE_SECONDS_MAX for trouble in pipeline.troubles.current)


def _listing_of(pipeline: Pipeline) -> ListStatus | None:
    if not isinstance(pipeline, ObjectPipeline) or pipeline.backfill is None:
        return None
    began, listed = pipeline.backfill.listed_at, pipeline.lister.listed
    age = None if began is None else max(0.0, pipeline.parts.clock.wall() - began)
    return ListStatus(began, age, listed.under_way, listed.keys, listed.differences)


def _queue_of(pipeline: Pipeline, seconds_max: float) -> QueueStatus | None:
    if not isinstance(pipeline, MessagePipeline):
        return None
    backlog = pipeline.watch.fresh_backlog(seconds_max)
    return QueueStatus(
        mode=pipeline.mode,
        backlog_changes=None if backlog is None else backlog.changes,
        backlog_oldest_seconds=None if backlog is None else backlog.oldest_seconds,
        write_tested=pipeline.watch.is_tried(seconds_max),
    )


def _notices_of(pipeline: Pipeline) -> tuple[str, ...]:
    ends = (pipeline.parts.source, pipeline.parts.sink)
    return tuple(notice for end in ends if isinstance(end, Notices) for notice in end.notices())


def _lag_of(pipeline: Pipeline, freshness_seconds_max: float) -> Lag | None:
    """The figures of this moment; None before the source is connected."""
    if not pipeline.connected.is_set():
        return None
    source = pipeline.parts.source
    retention = source.retention_seconds if isinstance(source, Retains) else None
    now = pipeline.parts.clock.wall()
    return measure(pipeline.partitions, pipeline.oldest_pending(), now, freshness_seconds_max, retention)


def _backfill_of(pipeline: Pipeline, rate: Rate) -> BackfillStatus | None:
    """The backfill's progress; None before there is one."""
    backfill = pipeline.backfill
    if backfill is None:
        return None
    copying = backfill.phase is Phase.ROWS
    rows = pipeline.rows_copied if copying else backfill.rows
    per_second = rate.per_second() if copying else None
    left = None if backfill.rows_estimated is None else max(0, backfill.rows_estimated - rows)
    return BackfillStatus(
        run=backfill.run,
        mode=backfill.mode.value,
        phase=backfill.phase.value,
        rows=rows,
        rows_estimated=backfill.rows_estimated,
        rows_per_second=per_second,
        eta_seconds=left / per_second if left is not None and per_second else None,
        pieces=len(backfill.pieces),
        pieces_done=sum(cursor == PIECE_DONE for cursor in backfill.cursors.values()),
        mismatches=backfill.mismatches,
    )
