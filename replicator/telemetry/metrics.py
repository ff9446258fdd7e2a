"""Every metric, declared once: its name, what it means, its labels, and where its values come from.

Labels are only pipeline, connector, side, stage, error_code, state, op and reason (and the version of
``replicator_build_info``): never a key, a partition or a position. The table in ``docs/metrics.md`` is
generated from here, and the dashboard and the alert rules are checked against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from replicator.telemetry.figures import (
    BACKFILL_PHASES,
    PIPELINE_STATES,
    MigrationFigures,
    PipelineFigures,
)

Labels = tuple[str, ...]
Samples = Iterable[tuple[Labels, float]]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. ``samples`` gives its values, label values in the order of ``labels``."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    help: str
    labels: Labels = ()
    samples: Callable[[MigrationFigures], Samples] = lambda _figures: ()
    buckets: tuple[float, ...] = ()


PipelineSamples = Callable[[PipelineFigures], Samples]


STANDBY = "standby"
_OF_STANDBYS = frozenset({"lease_held", "pipeline_state", "pipeline_info"})
"""What is told of a pipeline that stands by; the rest is the holder's to tell."""


def _each(samples: PipelineSamples, *, of_standbys: bool) -> Callable[[MigrationFigures], Samples]:
    def of_migration(figures: MigrationFigures) -> Samples:
        told = (each for each in figures.pipelines if of_standbys or each.state != STANDBY)
        for pipeline in told:
            for labels, value in samples(pipeline):
                yield (pipeline.pipeline, *labels), value

    return of_migration


def _one(value: Callable[[PipelineFigures], float | None]) -> PipelineSamples:
    def samples(figures: PipelineFigures) -> Samples:
        known = value(figures)
        return () if known is None else (((), known),)

    return samples


def _by(values: Callable[[PipelineFigures], Mapping[str, float] | None]) -> PipelineSamples:
    return lambda figures: (((label,), value) for label, value in (values(figures) or {}).items())


def _by_two(values: Callable[[PipelineFigures], Mapping[tuple[str, str], float]]) -> PipelineSamples:
    return lambda figures: values(figures).items()


def _choice(value: str | None, choices: tuple[str, ...]) -> Mapping[str, float]:
    """1 for the value, 0 for the others, so that a change of state is a change of values."""
    names = dict.fromkeys((*choices, *(() if value is None else (value,))))
    return {name: float(name == value) for name in names}


def _gauge(name: str, text: str, samples: PipelineSamples, *labels: str) -> Metric:
    told = _each(samples, of_standbys=name in _OF_STANDBYS)
    return Metric(f"replicator_{name}", "gauge", text, ("pipeline", *labels), told)


def _counter(name: str, text: str, samples: PipelineSamples, *labels: str) -> Metric:
    told = _each(samples, of_standbys=False)
    return Metric(f"replicator_{name}_total", "counter", text, ("pipeline", *labels), told)


def _known(
    name: str, unit: str, text: str, value: Callable[[PipelineFigures], float | None]
) -> tuple[Metric, Metric]:
    """A figure, and whether it is known; an unknown one has no sample."""
    return (
        _gauge(f"{name}_{unit}", text, _one(value)),
        _gauge(
            f"{name}_known",
            f"1 where `replicator_{name}_{unit}` is known. Unknown closes the gate.",
            _one(lambda figures: float(value(figures) is not None)),
        ),
    )


SINK_CALL_SECONDS = Metric(
    "replicator_sink_call_seconds",
    "histogram",
    "Duration of sink calls, failed ones included.",
    ("pipeline", "op"),
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
"""The only one that is fed as things happen: a distribution cannot be asked for at scrape time."""

ALL: tuple[Metric, ...] = (
    Metric(
        "replicator_build_info",
        "gauge",
        "Always 1; the version is in the label.",
        ("version",),
        lambda figures: (((figures.version,), 1.0),),
    ),
    Metric(
        "replicator_tasks",
        "gauge",
        "Tasks in the event loop of the process; their number is bounded.",
        (),
        lambda figures: (((), float(figures.tasks)),),
    ),
    # The gate.
    Metric(
        "replicator_cutover_ready",
        "gauge",
        "1 while the gate is open: cutover is safe.",
        (),
        lambda figures: (((), float(figures.cutover_ready)),),
    ),
    Metric(
        "replicator_cutover_blocked",
        "gauge",
        "1 for each reason that keeps the gate closed; the pipeline is empty where it concerns all.",
        ("pipeline", "reason"),
        lambda figures: ((labels, 1.0) for labels in dict.fromkeys(figures.blocked)),
    ),
    # How far behind.
    *_known(
        "lag",
        "seconds",
        "Age of the oldest change seen and not yet durable in the sink; 0 only where the source is read to"
        " its end and nothing is pending.",
        lambda figures: figures.lag_seconds,
    ),
    *_known(
        "freshness",
        "seconds",
        "Time since the stalest open partition last proved itself read.",
        lambda figures: figures.freshness_seconds,
    ),
    *_known(
        "backlog",
        "changes",
        "Changes waiting at the source.",
        lambda figures: figures.backlog_changes,
    ),
    *_known(
        "backlog_oldest",
        "seconds",
        "Age of the oldest change waiting at the source.",
        lambda figures: figures.backlog_oldest_seconds,
    ),
    *_known(
        "retention_left",
        "seconds",
        "Time until the oldest change still needed expires at the source. At 0 the position is lost.",
        lambda figures: figures.retention_left_seconds,
    ),
    _gauge(
        "partitions_open", "Open partitions of the source.", _one(lambda figures: figures.partitions_open)
    ),
    _gauge(
        "partitions_fresh",
        "Open partitions that proved themselves read within the freshness bound.",
        _one(lambda figures: figures.partitions_fresh),
    ),
    # The pipeline.
    _gauge(
        "lease_held",
        "1 where this process, and certainly no other, works on the pipeline. One that stands by tells"
        " nothing else of it but its state.",
        _one(lambda figures: float(figures.lease_held)),
    ),
    _gauge(
        "pipeline_state",
        "1 for the state that the pipeline is in.",
        _by(lambda figures: _choice(figures.state, PIPELINE_STATES)),
        "state",
    ),
    _gauge(
        "pipeline_info",
        "Always 1; names the connector of each side.",
        lambda figures: (((side, name), 1.0) for side, name in figures.connectors.items()),
        "side",
        "connector",
    ),
    _gauge(
        "changes_in_flight",
        "Changes read and not yet durable in the sink.",
        _one(lambda figures: figures.changes_in_flight),
    ),
    _gauge("in_flight_bytes", "About how large they are.", _one(lambda figures: figures.bytes_in_flight)),
    _gauge("lanes", "Keys with a write that waits or is under way.", _one(lambda figures: figures.lanes)),
    _gauge(
        "checkpoint_saved_timestamp_seconds",
        "When the checkpoint was last saved or found unchanged, in seconds since the epoch.",
        _one(lambda figures: figures.checkpoint_saved_at),
    ),
    _counter(
        "positions_lost",
        "How often the source no longer had what came next; each begins a reconciling backfill.",
        _one(lambda figures: figures.positions_lost),
    ),
    _counter("changes_read", "Changes read from the source.", _one(lambda figures: figures.changes_read)),
    _counter(
        "changes_written",
        "Changes made durable in the sink, by operation.",
        _by(lambda figures: figures.changes_written),
        "op",
    ),
    _counter(
        "changes_refused",
        "Changes that the sink refused for good.",
        _one(lambda figures: figures.changes_refused),
    ),
    _gauge(
        "dead_letters",
        "Dead letters that nobody has replayed or waived.",
        _one(lambda figures: figures.dead_letters_open),
    ),
    # Calls and trouble.
    _counter(
        "sink_calls",
        "Sink calls by outcome: ok, partial or failed.",
        _by_two(lambda figures: figures.sink_calls),
        "op",
        "state",
    ),
    SINK_CALL_SECONDS,
    _counter(
        "retries",
        "Attempts that failed and were repeated.",
        _by_two(lambda figures: figures.retries),
        "side",
        "reason",
    ),
    _counter(
        "throttled_seconds",
        "Time waited because a side asked for less.",
        _by(lambda figures: figures.throttled_seconds),
        "side",
    ),
    _gauge(
        "calls_allowed",
        "Calls that may be under way to a side at a time: its limit, or less while and after it throttles.",
        _by(lambda figures: figures.calls_allowed),
        "side",
    ),
    _gauge(
        "troubles",
        "Activities that wait at this moment, and for what.",
        _by_two(lambda figures: figures.troubles),
        "side",
        "reason",
    ),
    # The backfill.
    _gauge(
        "backfill_phase",
        "1 for the phase that the backfill is in.",
        _by(lambda figures: _choice(figures.backfill_phase, BACKFILL_PHASES)),
        "stage",
    ),
    _counter(
        "rows_backfilled",
        "Rows of the backfill made durable.",
        _one(lambda figures: figures.rows_backfilled),
    ),
    _gauge(
        "backfill_rows_estimated",
        "The source's own estimate of its rows.",
        _one(lambda figures: figures.backfill_rows_estimated),
    ),
    _gauge("backfill_pieces", "Pieces of the backfill.", _one(lambda figures: figures.backfill_pieces)),
    _gauge(
        "backfill_pieces_done",
        "Pieces of the backfill copied to their end.",
        _one(lambda figures: figures.backfill_pieces_done),
    ),
    # What only objects have, and only queues.
    _gauge(
        "listed_timestamp_seconds",
        "Of objects: when the last complete reconciling list began, in seconds since the epoch.",
        _one(lambda figures: figures.listed_at),
    ),
    _gauge(
        "list_differences",
        "Of objects: keys in which the newest reconciling list found the sides to differ.",
        _one(lambda figures: figures.list_differences),
    ),
    _gauge(
        "sink_write_tested",
        "Of queues: 1 where the sink took a message for trial lately.",
        _one(lambda figures: None if figures.write_tested is None else float(figures.write_tested)),
    ),
    # Verification.
    _counter(
        "verify_keys", "Records compared by verification.", _by(lambda figures: figures.verify_keys), "side"
    ),
    _gauge(
        "verify_mismatches_found",
        "What the last complete verification found: missing, different, extra or unsettled.",
        _by(lambda figures: figures.mismatches_found),
        "reason",
    ),
    _gauge(
        "verify_mismatches",
        "Mismatches that the last complete verification found and did not repair.",
        _one(lambda figures: figures.mismatches_left),
    ),
    _gauge(
        "verify_completed_timestamp_seconds",
        "When the last complete verification ended, in seconds since the epoch.",
        _one(lambda figures: figures.verify_completed_at),
    ),
)
