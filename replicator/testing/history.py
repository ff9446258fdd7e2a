"""The states of keys at a source, and which of them a sink has shown: the ground of the ledgers.

Every state of a key has a number, in the order of the commits at the source. What a sink shows is told by
the number of the state that it is; that there is nothing is a state like any other, only that it does not
say which of several it is.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from replicator.model.clock import Clock
from replicator.model.key import Key

NEVER = 0
"""The number of a key's state before its first one."""


class State(NamedTuple):
    """One state of one key at the source."""

    number: int
    committed_at: float
    deleted: bool


@dataclass(slots=True)
class Shown:
    """What the sink has shown of one key."""

    number: int | None = None  # of the record it shows now; None where it shows none
    landed_max: int = NEVER  # the newest state that was ever written
    absent_until: float = 0.0  # the last instant at which there was no record, if there is one now


@dataclass(slots=True)
class History:
    """Both sides of every key."""

    clock: Clock
    states: dict[Key, list[State]] = field(default_factory=lambda: defaultdict(list))
    shown: dict[Key, Shown] = field(default_factory=lambda: defaultdict(Shown))
    excused: dict[Key, int] = field(default_factory=dict)

    def excuse(self, key: Key, number: int) -> None:
        """The sink refuses this state of a key for good: it will be a dead letter instead."""
        self.excused[key] = max(number, self.excused.get(key, NEVER))

    def landed(self, key: Key, number: int | None) -> None:
        """The sink shows this state from now on; None where it shows that there is nothing."""
        shown = self.shown[key]
        if number is None:
            shown.number = None
            return
        if shown.number is None:
            shown.absent_until = self.clock.wall()
        shown.number = number
        shown.landed_max = max(shown.landed_max, number)

    def covered(self, key: Key) -> int:
        """The newest state of which the sink is known to have shown it, or one after it."""
        shown = self.shown[key]
        absent_until = self.clock.wall() if shown.number is None else shown.absent_until
        gone = (
            state.number
            for state in reversed(self.states[key])
            if state.deleted and state.committed_at <= absent_until
        )
        return max(shown.landed_max, next(gone, NEVER))

    def is_accounted_for(self, key: Key, number: int) -> bool:
        """Whether the sink has shown this state or a newer one, or refused it."""
        return number <= max(self.excused.get(key, NEVER), self.covered(key))

    def shows(self, key: Key, least: int) -> bool:
        """Whether the sink shows this state of the key or a newer one at this moment."""
        number = self.shown[key].number
        if number is not None:
            return number >= least
        after = [state for state in self.states[key] if state.number >= least]
        return least == NEVER or any(state.deleted for state in after)
