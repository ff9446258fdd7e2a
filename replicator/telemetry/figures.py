"""What the service reports when it is scraped: plain data, filled in by whoever knows.

A figure that is None is unknown: its metric is left out and its ``_known`` is 0. Totals only grow; they
begin again at 0 with the process, which Prometheus understands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PipelineFigures:
    """One pipeline at one moment. Seconds, counts, and times in seconds since the epoch.

    Attributes:
        connectors: side to the connector's name.
        state: a word of ``PIPELINE_STATES``, or another; one that stands by has no figures of its own.
        lease_held: whether this process, and certainly no other, works on the pipeline.
        backfill_phase: a phase's value, None before there is a backfill.
        changes_written: operation to changes made durable.
        sink_calls: (operation, outcome) to calls; the outcome is ``ok``, ``partial`` or ``failed``.
        retries: (side, reason) to attempts that failed and were repeated.
        troubles: (side, reason) to how many activities wait for it now.
        verify_keys: side to records compared by verification.
        calls_allowed: side to how many calls may be under way to it at a time.
        mismatches_found: kind to what the last complete verification found; None before one.
        listed_at, list_differences: of the reconciling lists of objects; None for other shapes.
        write_tested: whether a queue's sink took a message for trial lately; None for other shapes.
        mismatches_left: those of them that were not repaired; None before a complete one.
    """

    pipeline: str
    connectors: Mapping[str, str] = field(default_factory=dict)
    state: str = "starting"
    lease_held: bool = False
    lag_seconds: float | None = None
    freshness_seconds: float | None = None
    backlog_changes: float | None = None
    backlog_oldest_seconds: float | None = None
    retention_left_seconds: float | None = None
    partitions_open: int | None = None
    partitions_fresh: int | None = None
    changes_in_flight: int = 0
    bytes_in_flight: int = 0
    lanes: int = 0
    checkpoint_saved_at: float | None = None
    backfill_phase: str | None = None
    backfill_rows_estimated: int | None = None
    backfill_pieces: int | None = None
    backfill_pieces_done: int | None = None
    dead_letters_open: int | None = None
    mismatches_found: Mapping[str, int] | None = None
    mismatches_left: int | None = None
    verify_completed_at: float | None = None
    listed_at: float | None = None
    list_differences: int | None = None
    write_tested: bool | None = None
    positions_lost: int = 0
    changes_read: int = 0
    changes_written: Mapping[str, int] = field(default_factory=dict)
    changes_refused: int = 0
    rows_backfilled: int = 0
    sink_calls: Mapping[tuple[str, str], int] = field(default_factory=dict)
    retries: Mapping[tuple[str, str], int] = field(default_factory=dict)
    throttled_seconds: Mapping[str, float] = field(default_factory=dict)
    troubles: Mapping[tuple[str, str], int] = field(default_factory=dict)
    verify_keys: Mapping[str, int] = field(default_factory=dict)
    calls_allowed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MigrationFigures:
    """The migration at one moment.

    ``blocked`` holds (pipeline, reason code) of everything that keeps the gate closed; the pipeline is
    empty where the reason concerns all. ``tasks`` counts what runs in the event loop, and is bounded.
    """

    version: str
    tasks: int = 0
    cutover_ready: bool = False
    blocked: tuple[tuple[str, str], ...] = ()
    pipelines: tuple[PipelineFigures, ...] = ()


PIPELINE_STATES = ("starting", "standby", "running", "paused", "stopping", "stopped", "failed")
"""The states that always have a series of their own, 0 or 1."""

BACKFILL_PHASES = ("rows", "end_mark", "sweep", "complete")
