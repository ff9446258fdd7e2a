"""Checkpoints: the durable positions of a pipeline, and the progress of its backfill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from replicator.model.change import Positions

PIECE_DONE = ""
"""The cursor of a piece that was copied to its end; a real cursor is never empty."""


class Mode(Enum):
    """How a backfill treats a key that the sink already has (design 4.1, rules 2 and 3)."""

    INSERT = "insert"  # the sink was proved empty at the first start: rows are insert-if-absent
    RECONCILE = "reconcile"  # anything else: every row is compared in its lane


class Phase(Enum):
    """Where a backfill is; the phases follow each other in this order."""

    ROWS = "rows"  # pieces are being copied
    END_MARK = "end_mark"  # all rows are durable; the delta has yet to pass the end mark
    SWEEP = "sweep"  # tombstoned keys, and in reconcile mode extra keys, are being removed
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Backfill:
    """The progress of one backfill run.

    Attributes:
        run: the number of the run, counted per pipeline; tombstones belong to one run.
        mode: insert or reconcile; decided before the first row and never changed within a run.
        phase: where the run is.
        cursors: piece to the cursor of its next page; ``PIECE_DONE`` once copied to its end. A piece
            that is not listed has not begun.
        pieces: all pieces of the run, fixed when it starts.
        rows: rows made durable so far.
        rows_estimated: the source's own estimate of the total, or None.
        started_at, completed_at: seconds since the epoch.
        sink: the identity of the sink that is being filled; empty where it has none.
        mismatches: what the last complete verification begun after the end left unrepaired; None where
            there was none yet.
        listed_at: when the last complete reconciling list began, all of whose differences have been
            copied; None where there was none. Only objects are listed.
    """

    run: int
    mode: Mode
    phase: Phase = Phase.ROWS
    pieces: tuple[str, ...] = ()
    cursors: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0
    rows_estimated: int | None = None
    started_at: float = 0.0
    completed_at: float | None = None
    mismatches: int | None = None
    sink: str = ""
    listed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a pipeline resumes from.

    ``positions`` covers every partition that is still needed, ended ones included until the source
    forgets them. ``epoch`` is the writer's; a store refuses an older one.
    """

    epoch: int
    positions: Positions
    backfill: Backfill | None = None
