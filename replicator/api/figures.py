"""From what the engine says of itself to the figures of a scrape."""

from __future__ import annotations

import asyncio
from collections import Counter

import replicator
from replicator.api.descriptions import backlog_changes
from replicator.engine.service import Service
from replicator.engine.status import PipelineStatus
from replicator.engine.supervisor import Supervisor
from replicator.engine.verify import Verification
from replicator.telemetry import MigrationFigures, PipelineFigures


def figures_of(service: Service) -> MigrationFigures:
    """Everything, at this moment; computed from memory, so that a scrape never waits."""
    verdict = service.judge()
    return MigrationFigures(
        version=replicator.__version__,
        tasks=len(asyncio.all_tasks()),
        cutover_ready=verdict.can_cutover,
        blocked=tuple((reason.pipeline or "", reason.code) for reason in verdict.reasons),
        pipelines=tuple(_of_pipeline(supervisor) for supervisor in service.supervisors.values()),
    )


def _of_pipeline(supervisor: Supervisor) -> PipelineFigures:
    status, pipeline = supervisor.status(), supervisor.pipeline
    lag, backfill, verification = status.lag, status.backfill, status.verification
    completed = _completed(verification)
    written = None if pipeline is None else pipeline.written
    return PipelineFigures(
        pipeline=status.name,
        connectors={"source": status.source, "sink": status.sink},
        state=status.state.value,
        lease_held=supervisor.holds_lease,
        lag_seconds=None if lag is None else lag.lag_seconds,
        freshness_seconds=None if lag is None else lag.freshness_seconds,
        backlog_changes=backlog_changes(status),
        backlog_oldest_seconds=_backlog_oldest(status),
        retention_left_seconds=None if lag is None else lag.retention_left_seconds,
        partitions_open=None if lag is None else lag.partitions_open,
        partitions_fresh=None if lag is None else lag.partitions_fresh,
        changes_in_flight=status.changes_in_flight,
        bytes_in_flight=status.bytes_in_flight,
        lanes=status.lanes,
        checkpoint_saved_at=status.checkpoint_saved_at,
        backfill_phase=None if backfill is None else backfill.phase,
        backfill_rows_estimated=None if backfill is None else backfill.rows_estimated,
        backfill_pieces=None if backfill is None else backfill.pieces,
        backfill_pieces_done=None if backfill is None else backfill.pieces_done,
        dead_letters_open=None if pipeline is None else status.dead_letters_open,
        mismatches_found=None if completed is None else dict(completed.found),
        mismatches_left=None if backfill is None else backfill.mismatches,
        verify_completed_at=None if completed is None else completed.finished_at,
        positions_lost=supervisor.positions_lost,
        changes_read=status.changes_read,
        changes_written=status.changes_written,
        changes_refused=0 if written is None else written.dead_letters,
        rows_backfilled=0 if backfill is None else backfill.rows,
        sink_calls={} if written is None else dict(written.calls),
        retries={} if pipeline is None else dict(pipeline.troubles.retries),
        throttled_seconds={} if pipeline is None else dict(pipeline.troubles.throttled_seconds),
        troubles=Counter((trouble.side, trouble.reason) for trouble in status.troubles),
        listed_at=None if status.listing is None else status.listing.listed_at,
        list_differences=None if status.listing is None else status.listing.differences,
        write_tested=None if status.queue is None else status.queue.write_tested,
        calls_allowed={calls.side: calls.calls_allowed for calls in status.calls},
        verify_keys={} if verification is None else dict(verification.keys),
    )


def _backlog_oldest(status: PipelineStatus) -> float | None:
    if status.queue is not None and status.queue.mode == "hold":
        return status.queue.backlog_oldest_seconds
    return None if status.lag is None else status.lag.lag_seconds


def _completed(verification: Verification | None) -> Verification | None:
    """The verification, if it is a complete one."""
    if verification is None or verification.finished_at is None or verification.error is not None:
        return None
    return verification
