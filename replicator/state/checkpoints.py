"""Leases and checkpoints in SQL; each function runs inside a transaction of the caller's."""

from __future__ import annotations

import sqlite3
from typing import Any

import orjson

from replicator.model.checkpoint import Backfill, Checkpoint, Mode, Phase
from replicator.model.errors import CheckpointConflictError
from replicator.state.writer import Operation, Result
from replicator.stores import Claim, Lease, Term

_HINT = "Another process has taken the pipeline over; this one stands by."

_Row = tuple[int, int, float, int | None, str | None, str | None]


def look(connection: sqlite3.Connection, pipeline: str) -> Lease:
    """Who holds the pipeline; ``over`` tells only whether it was released."""
    row = connection.execute(
        "SELECT epoch, renewals, lease_seconds, holder, released FROM pipelines WHERE pipeline = ?",
        (pipeline,),
    ).fetchone()
    return Lease() if row is None else Lease(row[0], row[1], row[2], row[3], over=bool(row[4]))


def claim(
    connection: sqlite3.Connection, pipeline: str, seen: Lease | None, term: Term, holder: str
) -> Claim:
    """Take the pipeline over, if nothing has moved; a pipeline never seen before is clean."""
    before = look(connection, pipeline)
    if seen is not None and (before.epoch, before.renewals) != (seen.epoch, seen.renewals):
        raise CheckpointConflictError(
            f"{pipeline} was claimed or renewed by {before.holder} meanwhile", hint=_HINT
        )
    row: _Row | None = connection.execute(
        "SELECT epoch, clean, call_seconds, checkpoint_epoch, positions, backfill FROM pipelines"
        " WHERE pipeline = ?",
        (pipeline,),
    ).fetchone()
    epoch = before.epoch + 1
    connection.execute(
        "INSERT INTO pipelines (pipeline, epoch, clean, holder, released, lease_seconds, call_seconds)"
        " VALUES (:pipeline, :epoch, 0, :holder, 0, :lease_seconds, :call_seconds)"
        " ON CONFLICT (pipeline) DO UPDATE SET epoch = :epoch, clean = 0, holder = :holder, released = 0,"
        " renewals = 0, lease_seconds = :lease_seconds, call_seconds = :call_seconds",
        {
            "pipeline": pipeline,
            "epoch": epoch,
            "holder": holder,
            "lease_seconds": term.lease_seconds,
            "call_seconds": term.call_seconds,
        },
    )
    if row is None:
        return Claim(epoch=epoch, checkpoint=None, clean=True)
    return Claim(epoch, _checkpoint(*row[3:]), clean=bool(row[1]), call_seconds=row[2])


def renew(connection: sqlite3.Connection, pipeline: str, epoch: int) -> None:
    """Count a renewal of the newest claim."""
    renewed = connection.execute(
        "UPDATE pipelines SET renewals = renewals + 1 WHERE pipeline = ? AND epoch = ? AND NOT released",
        (pipeline, epoch),
    )
    if renewed.rowcount == 0:
        raise _over(pipeline, epoch)


def release(connection: sqlite3.Connection, pipeline: str, epoch: int, *, clean: bool) -> None:
    """End the lease; the release of an epoch that is not the newest changes nothing."""
    connection.execute(
        "UPDATE pipelines SET released = 1, clean = ? WHERE pipeline = ? AND epoch = ?",
        (clean, pipeline, epoch),
    )


def require(connection: sqlite3.Connection, pipeline: str, epoch: int | None) -> None:
    """Refuse what an older claim writes, in the transaction in which it is written.

    Raises:
        CheckpointConflictError: the epoch is not the newest claimed one.
    """
    if epoch is not None and look(connection, pipeline).epoch != epoch:
        raise _over(pipeline, epoch)


def fenced(operation: Operation[Result], pipeline: str, epoch: int | None) -> Operation[Result]:
    """The operation, refused with all that it does where the epoch is not the newest claimed one."""

    def perform(connection: sqlite3.Connection) -> Result:
        require(connection, pipeline, epoch)
        return operation(connection)

    return perform


def save(connection: sqlite3.Connection, pipeline: str, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint if its epoch is the newest claimed one, in one statement."""
    backfill = None if checkpoint.backfill is None else _backfill_to_json(checkpoint.backfill)
    saved = connection.execute(
        "UPDATE pipelines SET checkpoint_epoch = epoch, positions = ?, backfill = ?"
        " WHERE pipeline = ? AND epoch = ?",
        (orjson.dumps(dict(checkpoint.positions)).decode(), backfill, pipeline, checkpoint.epoch),
    )
    if saved.rowcount == 0:
        raise _over(pipeline, checkpoint.epoch)


def _over(pipeline: str, epoch: int) -> CheckpointConflictError:
    return CheckpointConflictError(
        f"a write of epoch {epoch} of pipeline {pipeline} was refused: it is not the newest claim",
        hint=_HINT,
    )


def _checkpoint(epoch: int | None, positions: str | None, backfill: str | None) -> Checkpoint | None:
    if epoch is None or positions is None:
        return None
    return Checkpoint(
        epoch=epoch,
        positions=orjson.loads(positions),
        backfill=None if backfill is None else _backfill_from_json(backfill),
    )


def _backfill_to_json(backfill: Backfill) -> str:
    # orjson writes a dataclass field by field, and an enum as its value.
    return orjson.dumps(backfill).decode()


def _backfill_from_json(text: str) -> Backfill:
    fields: dict[str, Any] = orjson.loads(text)
    fields["mode"] = Mode(fields["mode"])
    fields["phase"] = Phase(fields["phase"])
    fields["pieces"] = tuple(fields["pieces"])
    return Backfill(**fields)
