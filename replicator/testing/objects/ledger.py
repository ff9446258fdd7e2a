"""What really happened to the objects of a world, noted without the engine; and the checks against it.

Every state of a name has a number, in the order of the commits at the source, and no two have the same
content: so what the store shows tells which state it is. The ledger watches the bucket, the queue of its
events, the store and the notes on our own disk, so it sees what every process, and every call that landed
late, did to them. It shares no code with the engine.

What a copy by state promises, and what is checked of it:

- what becomes visible is one state of the source, whole: its body, metadata and tags together;
- the sink never goes back: not behind a state that it has shown, nor behind one that it was said to have;
- an event is forgotten at the source only when its key was noted after it, or the sink is as new;
- a note is cleared only when the sink is as new as the source was when it was noted;
- the lag is no less than the age of the oldest change whose event was noted and that is not at the sink;
- a dead letter is about a state that the sink refused; it is settled when the sink is as new, or when an
  operator waives it, and then that state need not arrive;
- a backfill that is over has brought what a listing showed when it began, of everything that stayed;
- a barrier that returns has brought everything that was committed before it was asked for;
- the gate is closed while a list that began when the newest complete one did would have shown a difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.memory.messages.queue import Sent
from connectors.memory.objects.bucket import Kept, MemoryBucket
from connectors.memory.objects.source import CANARIES
from connectors.memory.objects.store import Held, MemoryObjectStore
from replicator.model.checkpoint import Checkpoint, Phase
from replicator.model.clock import Clock
from replicator.model.key import Key, key_text
from replicator.model.record import Object
from replicator.stores import DeadLetter
from replicator.testing.disk import Disk
from replicator.testing.history import NEVER, History, State
from replicator.testing.queues import WatchedQueue
from replicator.testing.violations import Violations

FOREIGN = -1
"""The number of what the sink held before anything was copied, and the source never had."""

Content = tuple[object, ...]


@dataclass(slots=True)
class Ledger:
    """The notes. ``violations`` is what is wrong, in words, oldest first."""

    name: str
    bucket: MemoryBucket
    store: MemoryObjectStore
    queue: WatchedQueue
    disk: Disk
    clock: Clock
    violations: Violations = field(default_factory=Violations)
    numbers: int = NEVER
    gate_openings: int = 0
    frozen: bool = False
    _history: History = field(init=False)
    _contents: dict[Content, int] = field(default_factory=dict)
    _listed: dict[int, int] = field(default_factory=dict)  # a state to the first that lists as it does
    _versions: dict[tuple[Key, str], int] = field(default_factory=dict)
    _events: dict[str, tuple[Key, int]] = field(default_factory=dict)  # an event's id to its state
    _hinted: dict[Key, set[int]] = field(default_factory=lambda: defaultdict(set))
    _owed: dict[Key, int] = field(default_factory=dict)  # the source's state when a key was last noted
    _reached: dict[Key, int] = field(default_factory=lambda: defaultdict(int))
    _waived: dict[Key, int] = field(default_factory=dict)  # the state that an operator gave up
    _run: tuple[int, bool] = (0, False)
    _there: dict[Key, int] = field(default_factory=dict)  # what was there when the backfill's run began

    def __post_init__(self) -> None:
        self._history = History(self.clock)
        self.bucket.watch(self._committed)
        self.store.watch(self._landed)
        self.queue.deleting = self._forgotten

    # What is noted.

    def number_of(self, key: Key) -> int:
        """The newest state of a key."""
        states = self._history.states[key]
        return states[-1].number if states else NEVER

    def refused(self, name: str, body: bytes) -> None:
        """The sink refuses this body for good: it will be a dead letter instead."""
        numbers = [number for content, number in self._contents.items() if content[:2] == (name, body)]
        self._history.excuse((name,), max(numbers, default=NEVER))

    def settled(self, letter: DeadLetter) -> None:
        """What this letter is about was given up, or the sink has it, or something newer."""
        version = letter.record.version if isinstance(letter.record, Object) else ""
        number = self._versions.get((letter.key, version))
        if number is None or number > self._history.excused.get(letter.key, NEVER):
            self.violations.add(
                f"a letter of {key_text(letter.key)} is about what was not refused: {letter}"
            )
        elif letter.state == "waived":
            self._waived[letter.key] = number
        elif number > self._history.covered(letter.key):
            self.violations.add(f"a letter of {key_text(letter.key)} #{number} is settled, but never came")

    def given_up(self) -> Sequence[tuple[str, int]]:
        """Names whose newest state an operator has given up, with its number."""
        waived = ((key, self._listed.get(self.number_of(key), NEVER)) for key in self._waived)
        return [(str(key[0]), number) for key, number in waived if self._waived[key] == number]

    def noted(self, keys: Iterable[tuple[Key, float]]) -> None:
        """Keys were noted durably, each with the time of what made it dirty."""
        for key, since in keys:
            self._owed[key] = self.number_of(key)
            hinted = (state.number for state in self._history.states[key] if state.committed_at == since)
            self._hinted[key].update(hinted)

    def _committed(self, name: str, kept: Kept | None) -> None:
        if name.startswith(CANARIES):
            return
        self.numbers += 1
        key, number = (name,), self.numbers
        self._history.states[key].append(State(number, self.clock.wall(), deleted=kept is None))
        self._events[self.queue.last_id] = key, number
        self._listed[number] = number
        if kept is not None:
            self._contents[_content(name, kept.body, kept.record)] = number
            self._listed[number] = self._versions.setdefault((key, kept.record.version), number)

    # What is checked as it happens.

    def _landed(self, name: str, held: Held | None) -> None:
        key = (name,)
        if held is None:
            self._removed(key)
        else:
            number = self._contents.get(_content(name, held.body, held.record), FOREIGN)
            if number == FOREIGN:
                if self._run != (0, False):  # a process has begun to copy
                    self.violations.add(f"{name} shows what it never was at the source: {held}")
            elif number < self._reached[key]:
                self.violations.add(f"{name} goes back to #{number} behind #{self._reached[key]}")
            self._reach(key, number)
            self._history.landed(key, number)
        if self.frozen and not self._agrees(name):
            self.violations.add(f"{name} was made wrong again after everything was right")

    def _removed(self, key: Key) -> None:
        """Of all the times when it was deleted at the source, the oldest one that this may be."""
        states, least = self._history.states[key], self._reached[key]
        gone = [state.number for state in states if state.deleted and state.number >= least]
        if states and not gone:
            self.violations.add(f"{key_text(key)} was removed, and was not deleted since #{least}")
        self._reach(key, gone[0] if gone else least)
        self._history.landed(key, None)

    def _forgotten(self, message: Sent) -> None:
        """An event is about to be deleted at the source."""
        key, number = self._events.get(message.id, (None, NEVER))
        if key is None:
            return
        is_noted = key in self.disk.dirty.get(self.name, {}) and self._owed[key] >= number
        if not is_noted and not self._history.is_accounted_for(key, number):
            self.violations.add(
                f"the event of {key_text(key)} #{number} is forgotten, and nothing notes it"
            )

    def cleared(self, key: Key) -> None:
        """A key counts as copied since it was noted."""
        self._claim(key, self._owed.get(key, NEVER), "is cleared")

    def saved(self, checkpoint: Checkpoint) -> None:
        """A checkpoint was made durable: where it says that all rows are copied, they have to be."""
        if checkpoint.backfill is None:
            return
        run, is_copied = checkpoint.backfill.run, checkpoint.backfill.phase is not Phase.ROWS
        if run != self._run[0]:
            self._there = {
                key: self._listed[states[-1].number]
                for key, states in self._history.states.items()
                if states and not states[-1].deleted
            }
        elif is_copied and not self._run[1]:
            for key, number in self._there.items():
                after = [state for state in self._history.states[key] if state.number > number]
                if not any(state.deleted for state in after):
                    self._claim(key, number, "was there before the backfill, which is over")
        self._run = run, is_copied

    def reported(self, seconds: float) -> None:
        """The engine said that it is no further behind than this with what it noted."""
        promised = self.clock.wall() - seconds
        for key in self.disk.dirty.get(self.name, {}):
            for state in self._history.states[key]:
                if state.number not in self._hinted[key] or state.committed_at >= promised:
                    continue
                if not self._history.is_accounted_for(key, state.number):
                    self.violations.add(
                        f"a lag of {seconds:.3f} s at most was reported, but {key_text(key)}"
                        f" #{state.number} is {self.clock.wall() - state.committed_at:.3f} s old"
                    )

    def proved(self, number: int, how: str) -> None:
        """The engine proved that everything up to this number is applied."""
        for key, states in list(self._history.states.items()):
            due = [state.number for state in states if state.number <= number]
            if due:
                self._claim(key, due[-1], f"is applied {how}")

    def proved_keys(self, numbers: Mapping[Key, int], how: str) -> None:
        """The engine proved that these states of keys, or newer ones, are at the sink."""
        for key, number in numbers.items():
            self._claim(key, number, f"is applied {how}")

    def opened(self, listed_at: float) -> None:
        """The gate is open: whatever a list begun then would have shown was brought."""
        self.gate_openings += 1
        for key in self._history.states.keys() | self._history.shown.keys():
            due = [state for state in self._history.states[key] if state.committed_at <= listed_at]
            least = self._listed[due[-1].number] if due else NEVER
            if not self._history.shows(key, least) and least > self._history.excused.get(key, -1):
                self.violations.add(
                    f"the gate is open, but {key_text(key)} shows {self._history.shown[key].number}"
                    f" and should show #{least} or newer"
                )

    # What is checked in the end.

    def differences(self) -> list[str]:
        """Every name of which the store does not have what the bucket has, and nobody waived that."""
        names = {*names_of(self.bucket), *names_of(self.store)}
        return sorted(name for name in names if not self._agrees(name))

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is noted and no event is left."""
        return not self.disk.dirty.get(self.name) and self.queue.counts() == (0, 0)

    def freeze(self) -> None:
        """From now on nothing changes at the source, and the sink may only stay right."""
        self.frozen = True

    def _agrees(self, name: str) -> bool:
        kept, held = self.bucket.objects.get(name), self.store.objects.get(name)
        if self._waived.get((name,)) == self._listed.get(self.number_of((name,)), NEVER):
            return True
        if kept is None or held is None:
            return kept is None and held is None
        return _content(name, kept.body, kept.record) == _content(name, held.body, held.record)

    def _claim(self, key: Key, number: int, what: str) -> None:
        """The engine says that the sink is as new as this; from now on it must not go behind it."""
        if not self._history.is_accounted_for(key, number):
            self.violations.add(f"{key_text(key)} #{number} {what}, but never came")
        elif number <= self._history.covered(key):
            self._reach(key, number)

    def _reach(self, key: Key, number: int) -> None:
        self._reached[key] = max(number, self._reached[key])


def names_of(side: MemoryBucket | MemoryObjectStore) -> Sequence[str]:
    """The names of all objects that are not marks."""
    found, _ = side.objects.page(side.objects.pieces(1)[0], None, len(side.objects))
    return [name for name, _ in found if not name.startswith(CANARIES)]


def _content(name: str, body: bytes, record: Object) -> Content:
    """Everything of an object that has to arrive, the name and the body first."""
    described = (record.headers, record.metadata, record.tags)
    return (name, body, record.version, *(tuple(sorted(each.items())) for each in described))
