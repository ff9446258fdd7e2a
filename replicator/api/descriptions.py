"""From what the engine says of itself to the documents of the API."""

from __future__ import annotations

from dataclasses import replace

import replicator
from replicator.api.documents import (
    MigrationDocument,
    PipelineDocument,
    ServiceDocument,
    StatusDocument,
    VerificationDocument,
)
from replicator.api.served import Served
from replicator.engine.status import PipelineStatus
from replicator.model.checkpoint import Phase
from replicator.model.clock import SystemClock
from replicator.telemetry.redact import masked

_STALE_MAX = 20
"""Stale partitions that are named; a table of thousands of shards would fill the page."""


def status_document(served: Served) -> StatusDocument:
    """The whole status at this moment."""
    service = served.service
    gate = service.judge()  # of the same moment as the rest
    statuses = service.statuses()
    return StatusDocument(
        service=ServiceDocument(
            version=replicator.__version__,
            started_at=service.started_at,
            uptime_seconds=max(0.0, SystemClock().wall() - service.started_at),
            healthy=all(status.healthy for status in statuses) and not served.ailments(),
        ),
        migration=MigrationDocument(name=service.migration, strategy=served.strategy),
        gate=gate,
        pipelines=tuple(pipeline_document(status) for status in statuses),
    )


def pipeline_document(status: PipelineStatus) -> PipelineDocument:
    """One pipeline; what a vendor put into a message is shown without its secrets."""
    lag, failure = status.lag, status.failure
    lag_seconds = None if lag is None else lag.lag_seconds
    freshness_seconds = None if lag is None else lag.freshness_seconds
    retention_left_seconds = None if lag is None else lag.retention_left_seconds
    waiting = backlog_changes(status)
    verification = status.verification
    return PipelineDocument(
        name=status.name,
        source=status.source,
        sink=status.sink,
        state=status.state,
        healthy=status.healthy,
        failure=None if failure is None else replace(failure, message=masked(failure.message)),
        troubles=tuple(replace(trouble, message=masked(trouble.message)) for trouble in status.troubles),
        lag_seconds=lag_seconds,
        lag_known=lag_seconds is not None,
        freshness_seconds=freshness_seconds,
        freshness_known=freshness_seconds is not None,
        backlog_changes=waiting,
        backlog_known=waiting is not None,
        retention_left_seconds=retention_left_seconds,
        retention_left_known=retention_left_seconds is not None,
        partitions_open=None if lag is None else lag.partitions_open,
        partitions_fresh=None if lag is None else lag.partitions_fresh,
        partitions_stale=() if lag is None else lag.stale[:_STALE_MAX],
        backfill=status.backfill,
        proof=status.proof,
        changes_read=status.changes_read,
        changes_written=status.changes_written,
        changes_in_flight=status.changes_in_flight,
        bytes_in_flight=status.bytes_in_flight,
        lanes=status.lanes,
        dead_letters_open=status.dead_letters_open,
        checkpoint_saved_at=status.checkpoint_saved_at,
        shape=status.shape,
        listing=status.listing,
        queue=status.queue,
        notices=tuple(masked(notice) for notice in status.notices),
        calls=tuple(replace(calls, message=masked(calls.message)) for calls in status.calls),
        verification=None if verification is None else VerificationDocument.of(verification),
    )


def backlog_changes(status: PipelineStatus) -> int | None:
    """What waits to become durable: changes in flight, dirty keys, and the rest of a backfill's rows.

    Of a queue, what waits in it.

    None where a partition is stale, because nobody knows what it holds, and while rows are copied whose
    number the source does not estimate.
    """
    if status.queue is not None:
        return status.queue.backlog_changes
    lag, backfill = status.lag, status.backfill
    if lag is None or lag.lag_seconds is None or backfill is None:
        return None
    waiting = status.changes_in_flight + (status.changes_waiting or 0)
    if backfill.phase != Phase.ROWS.value:
        return waiting
    if backfill.rows_estimated is None:
        return None
    return waiting + max(0, backfill.rows_estimated - backfill.rows)
