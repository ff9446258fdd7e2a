"""The errors of a bus, and their translation into ours."""

from __future__ import annotations

from enum import Enum

from replicator.model.errors import ChangeError, TransientError


class Refusal(Enum):
    """Why the bus refuses a message."""

    TOO_LARGE = "too large"
    NO_SESSION = "no session"


class BusError(Exception):
    """The bus refused a message, and with it everything that was sent in the same call."""

    def __init__(self, refusal: Refusal, message_id: str) -> None:
        super().__init__(f"{refusal.value}: {message_id}")
        self.refusal = refusal
        self.message_id = message_id


def translate(error: BusError) -> ChangeError:
    """Both refusals are of the message itself, whatever is tried."""
    if error.refusal is Refusal.TOO_LARGE:
        return ChangeError(
            f"the message {error.message_id} is larger than the bus takes",
            hint="Let the bus take larger messages, then replay the dead letter; or waive it.",
        )
    return ChangeError(
        f"the message {error.message_id} has no group, and the bus wants a session of every message",
        hint="Replicate a standard queue into a bus without sessions.",
    )


def behind(message_id: str) -> TransientError:
    """A message was not sent, because one of its group that came before it has failed."""
    return TransientError(
        f"the message {message_id} waits for one of its group that failed before it",
        hint="See to the message before it; what waits goes on by itself.",
        settled=True,
        reason="group_stopped",
    )
