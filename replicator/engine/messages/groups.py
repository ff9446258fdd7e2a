"""Groups that are stopped: one of their messages is a dead letter, and nothing may overtake it."""

from __future__ import annotations

from collections.abc import Iterable

from replicator.model.change import Change
from replicator.model.errors import ChangeError
from replicator.model.key import Key
from replicator.model.record import Message
from replicator.stores import DeadLetter


class GroupStoppedError(ChangeError):
    """A message is not sent because an earlier one of its group is a dead letter."""

    code = "group_stopped"

    @classmethod
    def of(cls, change: Change) -> GroupStoppedError:
        """The error for a message of a stopped group."""
        return cls(
            f"an earlier message of its group {group_of(change.key)!r} is a dead letter",
            hint="Settle the group's dead letters in order, the oldest first.",
        )


class Groups:
    """The stopped groups of one pipeline."""

    def __init__(self) -> None:
        self._stopped: set[str] = set()

    def load(self, letters: Iterable[DeadLetter]) -> None:
        """Exactly the groups of these open letters are stopped."""
        self._stopped = {group for letter in letters if (group := group_of(letter.key)) is not None}

    def stop(self, change: Change) -> None:
        """Stop the change's group, if it has one."""
        group = group_of(change.key)
        if group is not None:
            self._stopped.add(group)

    def is_stopped(self, change: Change) -> bool:
        """Whether the change belongs to a stopped group."""
        return group_of(change.key) in self._stopped


def group_of(key: Key) -> str | None:
    """The group of a message: the first of two parts of its key; None where its queue keeps no order."""
    return str(key[0]) if len(key) > 1 else None


def place_in_group(letter: DeadLetter) -> tuple[float, int, int]:
    """Where a letter stands among those of its group: by the source's own order, not by when it failed."""
    record = letter.record
    if not isinstance(record, Message):
        return (letter.committed_at, 0, letter.id)
    return (record.sent_at, int(record.properties.get("SequenceNumber", "0")), letter.id)
