"""The errors of the store, and what becomes of them and of bodies that go wrong: the only place for it."""

from __future__ import annotations

from enum import Enum

from replicator.model.errors import ChangeError, PermanentError, ReplicatorError, TransientError


class Refusal(Enum):
    """Why the store refuses, with the status that a service would give."""

    MISSING_BLOCK = 400
    EXISTS = 409
    CHANGED = 412
    TOO_LARGE = 413


class StoreError(Exception):
    """The store refused a call, which has changed nothing."""

    def __init__(self, refusal: Refusal, name: str) -> None:
        super().__init__(f"{refusal.value} {refusal.name}: {name}")
        self.refusal = refusal
        self.name = name


def translate(error: StoreError) -> ReplicatorError:
    """What the engine needs to know, where it is not simply that a condition does not hold."""
    if error.refusal is Refusal.TOO_LARGE:
        return ChangeError(
            f"the object {error.name} is larger than the store takes",
            hint="Make the object smaller at the source, then replay the dead letter.",
        )
    if error.refusal is Refusal.MISSING_BLOCK:
        return TransientError(
            f"blocks of {error.name} are gone: something else was uploaded meanwhile",
            settled=True,
            reason="changed",
        )
    return PermanentError(f"the store refused a call that has no condition: {error}")


def replaced(name: str) -> TransientError:
    """The object that was opened is not there any more."""
    return TransientError(f"the object {name} was replaced as it was read", settled=True, reason="changed")


def damaged(name: str) -> TransientError:
    """The bytes that came are not those that their record tells; nothing of them is visible."""
    return TransientError(
        f"the bytes of {name} are not those that its source vouches for",
        hint="If it goes on, the object is damaged at the source: read it there.",
        settled=True,
        reason="damaged",
    )
