"""What really happened, noted where it happened and without the engine; and the checks against it.

Every state of a key has a number, in the order of the commits at the source; an upsert carries its number
in the attribute ``v``. The ledger watches the table and the container themselves, so it sees what every
process, and every call that landed late, did to them.

It shares no code with the engine. Of the memory connector it uses how a position is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from connectors.memory.codec import place_of, record_of
from connectors.memory.container import MemoryContainer, Operation
from connectors.memory.table import Entry, MemoryTable
from replicator.model.change import Positions
from replicator.model.checkpoint import Checkpoint
from replicator.model.clock import Clock
from replicator.model.key import Key, key_text
from replicator.model.record import Record, require_item
from replicator.model.values import Value
from replicator.testing.history import NEVER, History, State
from replicator.testing.violations import Violations

NUMBER = "v"


class Logged(NamedTuple):
    """A state's place in a shard's log: how many entries had been read once it was."""

    read: int
    key: Key
    state: State


@dataclass(slots=True)
class Ledger:
    """The notes. ``violations`` is what is wrong, in words, oldest first."""

    table: MemoryTable
    container: MemoryContainer
    clock: Clock
    violations: Violations = field(default_factory=Violations)
    numbers: int = NEVER
    gate_openings: int = 0
    frozen: bool = False
    _history: History = field(init=False)
    _logs: dict[str, list[Logged]] = field(default_factory=lambda: defaultdict(list))
    _checked: dict[str, int] = field(default_factory=dict)  # per shard: entries known to be in the sink
    _saved: dict[str, int] = field(default_factory=dict)
    _ever_saved: dict[str, int] = field(default_factory=dict)
    _run: int = 0
    _run_began_at: float = 0.0

    def __post_init__(self) -> None:
        self._history = History(self.clock)
        self.table.watch(self._committed)
        self.container.watch(self._landed)

    # What is noted.

    def stamp(self, attributes: Mapping[str, Value]) -> dict[str, Value]:
        """The attributes with the number that their state is about to have."""
        return {**attributes, NUMBER: {"N": str(self.numbers + 1)}}

    def excuse(self, key: Key, number: int) -> None:
        """The sink refuses this state of a key for good: it will be a dead letter instead."""
        self._history.excuse(key, number)

    def _committed(self, shard: str, entry: Entry) -> None:
        if entry.key is None:
            return
        self.numbers += 1
        state = State(self.numbers, entry.committed_at, deleted=entry.document is None)
        self._history.states[entry.key].append(state)
        self._logs[shard].append(Logged(self.table.shards[shard].end, entry.key, state))

    def _landed(self, operation: Operation) -> None:
        number = None if operation.document is None else number_in(operation.document)
        self._history.landed(operation.key, number)
        if self.frozen and not self._agrees(operation.key):
            self.violations.add(
                f"{key_text(operation.key)} was made wrong again after everything was right"
            )

    # What is checked as it happens.

    def saved(self, checkpoint: Checkpoint) -> None:
        """A checkpoint was made durable: everything it stands behind has to be in the sink."""
        run = checkpoint.backfill.run if checkpoint.backfill is not None else 0
        reads = {shard: place_of(position).read for shard, position in checkpoint.positions.items()}
        if run != self._run:  # the start of a run; what came before it is the backfill's
            self._run, self._run_began_at = run, self.clock.wall()
            self._checked = dict(reads)
        for shard, read in reads.items():
            self._check_landed(shard, read)
        self._saved = reads
        self._ever_saved |= reads

    def committed(self, positions: Positions) -> None:
        """The source was told that it may forget: never more than the checkpoint holds."""
        for shard, position in positions.items():
            read = place_of(position).read
            # A shard that is done with is in no checkpoint any more; what was told of it may come late.
            if read > self._saved.get(shard, self._ever_saved.get(shard, 0)):
                self.violations.add(
                    f"the source may forget {shard} up to {read}, saved is {self._saved.get(shard)}"
                )

    def reported(self, seconds: float) -> None:
        """The engine said that it is no further behind than this: nothing older may be missing."""
        promised = self.clock.wall() - seconds
        for key, states in self._history.states.items():
            owed = next((state for state in states if self._is_owed(key, state)), None)
            if owed is not None and owed.committed_at < promised:
                self.violations.add(
                    f"a lag of {seconds:.3f} s at most was reported, but {key_text(key)} #{owed.number} has"
                    f" been missing for {self.clock.wall() - owed.committed_at:.3f} s"
                )

    def proved(self, number: int, how: str) -> None:
        """The engine proved that everything up to this number is applied."""
        for key, states in self._history.states.items():
            for state in states:
                if state.number <= number and self._is_owed(key, state):
                    self.violations.add(f"applied {how}, but {key_text(key)} #{state.number} never came")
                    break

    def opened(self, seconds: float) -> None:
        """The gate is open: the sink shows every key as it is now, or was within so many seconds."""
        self.gate_openings += 1
        promised = self.clock.wall() - seconds
        for key in self._history.states.keys() | self._history.shown.keys():
            due = [state for state in self._history.states[key] if state.committed_at <= promised]
            if not self._history.shows(key, due[-1].number if due else NEVER):
                self.violations.add(
                    f"the gate is open, but {key_text(key)} shows {self._history.shown[key].number}"
                    f" and should show {due[-1] if due else 'nothing'} or newer"
                )

    # What is checked in the end.

    def differences(self) -> list[str]:
        """Every key in which the sink is not equal to the source."""
        keys = set(self.table.rows) | set(self.container.rows)
        return sorted(key_text(key) for key in keys if not self._agrees(key))

    @property
    def is_all_saved(self) -> bool:
        """Whether the checkpoint stands at the end of every shard."""
        return all(self._saved.get(shard.name, -1) >= shard.end for shard in self.table.shards.values())

    def freeze(self) -> None:
        """From now on nothing changes at the source, and the sink may only stay right."""
        self.frozen = True

    def _agrees(self, key: Key) -> bool:
        source, sink = self.table.rows.get(key), self.container.rows.get(key)
        if source is None or sink is None:
            return source is sink
        return record_of(source.document) == record_of(sink.document)

    def _check_landed(self, shard: str, read: int) -> None:
        checked = self._checked.get(shard, 0)
        for logged in self._logs[shard]:
            if checked < logged.read <= read and not self._history.is_accounted_for(
                logged.key, logged.state.number
            ):
                self.violations.add(
                    f"the checkpoint stands at {shard} {read}, but {key_text(logged.key)}"
                    f" #{logged.state.number} at {logged.read} never reached the sink"
                )
        self._checked[shard] = max(checked, read)

    def _is_owed(self, key: Key, state: State) -> bool:
        """Whether the delta of this run has to bring the state, and has not."""
        return state.committed_at >= self._run_began_at and not self._history.is_accounted_for(
            key, state.number
        )


def number_of(record: Record) -> int:
    """The number of a state."""
    return int(require_item(record).attributes[NUMBER]["N"])


def number_in(document: bytes) -> int:
    """The number of the state that a document holds."""
    return number_of(record_of(document))
