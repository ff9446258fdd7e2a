"""What is said of a pipeline: plain data for the status document, the metrics and the terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from replicator.connector import Retains
from replicator.engine.gate import Observation
from replicator.engine.lag import Lag, measure
from replicator.engine.pipeline import Pipeline
from replicator.engine.rate import Rate
from replicator.engine.retry import Trouble
from replicator.engine.verify import Verification
from replicator.model.checkpoint import PIECE_DONE, Phase
from replicator.model.errors import ReplicatorError


class State(Enum):
    """What a pipeline is doing."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a pipeline stopped by itself."""

    code: str
    message: str
    hint: str
    at: float


@dataclass(frozen=True, slots=True)
class BackfillStatus:
    """The backfill's progress; ``eta_seconds`` only while rows are copied at a rate that is known."""

    run: int
    mode: str
    phase: str
    rows: int
    rows_estimated: int | None
    rows_per_second: float | None
    eta_seconds: float | None
    pieces: int
    pieces_done: int
    mismatches: int | None


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """One pipeline at one moment.

    ``healthy`` says that it does what it should: running with every partition fresh, or paused by an
    operator. It does not say that the gate is open.
    """

    name: str
    source: str
    sink: str
    state: State
    healthy: bool
    failure: Failure | None = None
    backfill: BackfillStatus | None = None
    proof: str | None = None
    lag: Lag | None = None
    retains: bool = False
    changes_read: int = 0
    changes_written: dict[str, int] = field(default_factory=dict)
    changes_in_flight: int = 0
    bytes_in_flight: int = 0
    lanes: int = 0
    dead_letters_open: int = 0
    checkpoint_saved_at: float | None = None
    troubles: tuple[Trouble, ...] = ()
    verification: Verification | None = None


def failure_of(error: BaseException, at: float) -> Failure:
    """An error as it is shown; an unexpected one keeps its type's name."""
    if isinstance(error, ReplicatorError):
        return Failure(error.code, error.message, error.hint, at)
    return Failure("internal", f"{type(error).__name__}: {error}", "This is a fault of Replicator.", at)


def lag_of(pipeline: Pipeline, freshness_seconds_max: float) -> Lag | None:
    """The figures of this moment; None before the source is connected."""
    if not pipeline.connected.is_set():
        return None
    retention = pipeline.source.retention_seconds if isinstance(pipeline.source, Retains) else None
    now = pipeline.parts.clock.wall()
    return measure(
        pipeline.partitions, pipeline.delivery.lanes.pending(), now, freshness_seconds_max, retention
    )


def backfill_of(pipeline: Pipeline, rate: Rate) -> BackfillStatus | None:
    """The backfill's progress; None before the source is connected."""
    if not pipeline.connected.is_set():
        return None
    backfill = pipeline.keeper.backfill
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


def observation_of(status: PipelineStatus) -> Observation:
    """What the gate judges."""
    backfill = status.backfill
    return Observation(
        pipeline=status.name,
        state=status.state.value,
        phase=None if backfill is None else Phase(backfill.phase),
        proof=status.proof,
        lag=status.lag,
        retains=status.retains,
        dead_letters_open=status.dead_letters_open,
        mismatches=None if backfill is None else backfill.mismatches,
    )
