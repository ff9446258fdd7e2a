"""Checkpoints in SQL; each function runs inside a transaction of the caller's."""

from __future__ import annotations

import sqlite3
from typing import Any

import orjson

from replicator.model.checkpoint import Backfill, Checkpoint, Mode, Phase
from replicator.model.errors import CheckpointConflictError
from replicator.stores import Claim

_Row = tuple[int, int, int | None, str | None, str | None]


def claim(connection: sqlite3.Connection, pipeline: str) -> Claim:
    """Take the pipeline over; a pipeline never seen before is clean."""
    row: _Row | None = connection.execute(
        "SELECT epoch, clean, checkpoint_epoch, positions, backfill FROM pipelines WHERE pipeline = ?",
        (pipeline,),
    ).fetchone()
    if row is None:
        connection.execute("INSERT INTO pipelines (pipeline, epoch, clean) VALUES (?, 1, 0)", (pipeline,))
        return Claim(epoch=1, checkpoint=None, clean=True)
    epoch = row[0] + 1
    connection.execute("UPDATE pipelines SET epoch = ?, clean = 0 WHERE pipeline = ?", (epoch, pipeline))
    return Claim(epoch=epoch, checkpoint=_checkpoint(*row[2:]), clean=bool(row[1]))


def save(connection: sqlite3.Connection, pipeline: str, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint if its epoch is the newest claimed one, in one statement."""
    backfill = None if checkpoint.backfill is None else _backfill_to_json(checkpoint.backfill)
    saved = connection.execute(
        "UPDATE pipelines SET checkpoint_epoch = epoch, positions = ?, backfill = ?"
        " WHERE pipeline = ? AND epoch = ?",
        (orjson.dumps(dict(checkpoint.positions)).decode(), backfill, pipeline, checkpoint.epoch),
    )
    if saved.rowcount == 0:
        raise CheckpointConflictError(
            f"a checkpoint of epoch {checkpoint.epoch} of pipeline {pipeline} was refused: it is not the"
            " newest claim",
            hint="Another process has taken the pipeline over; this one must stop working on it.",
        )


def release(connection: sqlite3.Connection, pipeline: str, epoch: int) -> None:
    """Make the next claim clean; the release of an epoch that is not the newest changes nothing."""
    connection.execute("UPDATE pipelines SET clean = 1 WHERE pipeline = ? AND epoch = ?", (pipeline, epoch))


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
