"""The system's errors, and their translation into ours: the only place where that happens."""

from __future__ import annotations

from enum import Enum

from replicator.model.errors import ChangeError, PermanentError, PositionLostError, ReplicatorError
from replicator.model.key import Key, key_text


class Refusal(Enum):
    """Why the container refuses an operation, with the status that a service would give."""

    EXISTS = 409
    CHANGED = 412
    TOO_LARGE = 413


class ContainerError(Exception):
    """The container refused an operation, and with it the whole batch."""

    def __init__(self, refusal: Refusal, key: Key) -> None:
        super().__init__(f"{refusal.value} {refusal.name}: {key_text(key)}")
        self.refusal = refusal
        self.key = key


class TrimmedError(Exception):
    """Entries of a shard's log were asked for that are no longer kept."""

    def __init__(self, shard: str) -> None:
        super().__init__(shard)
        self.shard = shard


def translate(error: ContainerError | TrimmedError) -> ReplicatorError:
    """What the engine needs to know about an error of the system."""
    if isinstance(error, TrimmedError):
        return position_lost(error.shard)
    if error.refusal is Refusal.TOO_LARGE:
        return ChangeError(
            f"the document of {key_text(error.key)} is larger than the container takes",
            hint="Make the record smaller at the source, then replay the dead letter.",
        )
    return PermanentError(f"the container refused a write that has no condition: {error}")


def position_lost(shard: str) -> PositionLostError:
    """The log of a shard no longer has what comes after our position."""
    return PositionLostError(
        f"the log of {shard} was trimmed beyond the position to resume from",
        hint="Start a new reconciling backfill: `replicator resume NAME --new-backfill`.",
    )
