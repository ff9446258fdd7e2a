"""What status, gate and verification are answered with. A figure that is unknown is null, and says so."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from replicator.engine.calls import CallStatus
from replicator.engine.gate import QueueStatus, Verdict
from replicator.engine.parts import Shape
from replicator.engine.retry import Trouble
from replicator.engine.status import BackfillStatus, Failure, ListStatus, State
from replicator.engine.verify import Verification


class Document(BaseModel):
    """Plain data for JSON; times are seconds since the epoch."""

    model_config = ConfigDict(frozen=True)


class VerificationDocument(Document):
    """One pass over all keys; ``finished_at`` is null while it runs, ``error`` says why it broke off.

    ``found`` counts mismatches by kind before repairs, ``mismatches`` what is left after
    them and was not waived.
    ``report`` is a file of the service with one line per mismatch.
    """

    started_at: float
    finished_at: float | None
    quiet_source: bool
    keys: dict[str, int]
    candidates: int
    found: dict[str, int]
    repaired: int
    waived: int
    mismatches: int
    report: str
    error: str | None

    @classmethod
    def of(cls, verification: Verification) -> VerificationDocument:
        """The verification at this moment."""
        return cls(
            started_at=verification.started_at,
            finished_at=verification.finished_at,
            quiet_source=verification.quiet_source,
            keys=dict(verification.keys),
            candidates=verification.candidates,
            found=dict(verification.found),
            repaired=verification.repaired,
            waived=verification.waived,
            mismatches=verification.mismatches,
            report=verification.report,
            error=verification.error,
        )


class PipelineDocument(Document):
    """One pipeline; seconds and counts, each figure null where its ``_known`` is false.

    ``shape`` is what it carries: ``items``, ``objects`` (which alone have a ``listing``) or ``messages``
    (which alone have a ``queue``). ``calls`` are how many may be under way to each side at a time: fewer
    than the limit while the side asks for less, and for a while after.
    """

    name: str
    source: str
    sink: str
    state: State
    healthy: bool
    failure: Failure | None
    troubles: tuple[Trouble, ...]
    lag_seconds: float | None
    lag_known: bool
    freshness_seconds: float | None
    freshness_known: bool
    backlog_changes: int | None
    backlog_known: bool
    retention_left_seconds: float | None
    retention_left_known: bool
    partitions_open: int | None
    partitions_fresh: int | None
    partitions_stale: tuple[str, ...]
    backfill: BackfillStatus | None
    proof: str | None
    changes_read: int
    changes_written: dict[str, int]
    changes_in_flight: int
    bytes_in_flight: int
    lanes: int
    dead_letters_open: int
    checkpoint_saved_at: float | None
    shape: Shape
    listing: ListStatus | None
    queue: QueueStatus | None
    notices: tuple[str, ...]
    calls: tuple[CallStatus, ...]
    verification: VerificationDocument | None


class ServiceDocument(Document):
    """The process: ``healthy`` while it is sound and every pipeline is."""

    version: str
    started_at: float
    uptime_seconds: float
    healthy: bool


class MigrationDocument(Document):
    """The pipelines that cut over together."""

    name: str
    strategy: str


class StatusDocument(Document):
    """Everything that is known, the worst pipeline first."""

    service: ServiceDocument
    migration: MigrationDocument
    gate: Verdict
    pipelines: tuple[PipelineDocument, ...]
