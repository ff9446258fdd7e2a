"""What is said of a pipeline: plain data for the status document, the metrics and the terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from replicator.engine.calls import CallStatus
from replicator.engine.gate import Observation, QueueStatus
from replicator.engine.lag import Lag
from replicator.engine.parts import Shape
from replicator.engine.retry import Trouble
from replicator.engine.verify import Verification
from replicator.model.checkpoint import Phase
from replicator.model.errors import ReplicatorError


class State(Enum):
    """What a pipeline is doing."""

    STARTING = "starting"
    STANDBY = "standby"
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
class ListStatus:
    """The reconciling lists of a pipeline of objects.

    ``listed_at`` is when the last complete one began, whose differences have all been copied, in seconds
    since the epoch, and ``age_seconds`` the time since then;
    ``keys`` and ``differences`` are of the newest one of this process.
    """

    listed_at: float | None
    age_seconds: float | None
    under_way: bool
    keys: dict[str, int] | None
    differences: int


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """One pipeline at one moment.

    ``healthy`` says that it does what it should: running with every partition fresh, paused by an
    operator, or standing by for another process. It does not say that the gate is open.
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
    shape: Shape = Shape.ITEMS
    changes_waiting: int | None = None
    listing: ListStatus | None = None
    queue: QueueStatus | None = None
    notices: tuple[str, ...] = ()
    calls: tuple[CallStatus, ...] = ()


def failure_of(error: BaseException, at: float) -> Failure:
    """An error as it is shown; an unexpected one keeps its type's name."""
    if isinstance(error, ReplicatorError):
        return Failure(error.code, error.message, error.hint, at)
    return Failure("internal", f"{type(error).__name__}: {error}", "This is a fault of Replicator.", at)


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
        list_age_seconds=None if status.listing is None else status.listing.age_seconds,
        shape=status.shape,
        queue=status.queue,
    )
