"""What the durable notes of a pipeline promise, whatever keeps them.

Every method returns only when what it wrote survives a crash of the process and of the machine. Calls
made at the same time may share one commit. All are safe to cancel: the write then happened or not.

Several processes may have the notes open at once. Whoever works on a pipeline has claimed it, and gives its
``epoch`` with everything it writes: as soon as another one has claimed the pipeline, all of that is refused
with CheckpointConflictError and changes nothing. An ``epoch`` of None is for who works on no pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from replicator.model.change import Kind
from replicator.model.checkpoint import Checkpoint
from replicator.model.key import Key
from replicator.model.record import Record


@dataclass(frozen=True, slots=True)
class Claim:
    """What a process finds when it takes a pipeline over.

    ``clean`` is False where sink calls of the last holder may still land, and ``call_seconds`` is then the
    longest time of one, as that holder knew it.
    """

    epoch: int
    checkpoint: Checkpoint | None
    clean: bool
    call_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Term:
    """For how long a holder acts on a claim or renewal, and the longest time of its sink calls; seconds."""

    lease_seconds: float
    call_seconds: float


DAY = Term(86_400.0, 0.0)


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a pipeline; two that are equal tell that nothing was heard of the holder in between.

    Attributes:
        epoch: the newest claim; 0 before the first.
        renewals: grows with each renewal.
        seconds: the holder acts for no longer than this after it asked for its last renewal.
        holder: its name, for operators; every opened store has one of its own.
        over: that it acts no more is known: it has released the pipeline, or it claimed it through this
            very store, or its process is known to have ended.
    """

    epoch: int = 0
    renewals: int = 0
    seconds: float = 0.0
    holder: str = ""
    over: bool = True


class Leases(Protocol):
    """Who may work on a pipeline (docs/adr/0012): one holder at a time, without a common clock."""

    async def look(self, pipeline: str) -> Lease:
        """Who holds the pipeline at the moment."""

    async def claim(self, pipeline: str, seen: Lease | None = None, term: Term = DAY) -> Claim:
        """Take the pipeline over: its epoch grows by one and everything older is refused from now on.

        With ``seen`` only if nobody has claimed or renewed since it was looked at. That the holder acts no
        more is the caller's to know.

        Raises:
            CheckpointConflictError: it has been claimed or renewed since.
        """

    async def renew(self, pipeline: str, epoch: int) -> None:
        """Show that the holder is there.

        Raises:
            CheckpointConflictError: the epoch is not the newest claimed one, or was released.
        """

    async def release(self, pipeline: str, epoch: int, *, clean: bool = True) -> None:
        """Say that the holder acts no more: the next claim need not wait for the lease's end.

        With ``clean`` no sink call of it is under way either. Changes nothing where another has claimed.
        """


class Checkpoints(Protocol):
    """One checkpoint per pipeline, fenced by an epoch."""

    async def save(self, pipeline: str, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint.

        Raises:
            CheckpointConflictError: the checkpoint's epoch is not the newest claimed one.
        """


class Tombstones(Protocol):
    """Keys deleted while a backfill runs (design 4.1, rule 4)."""

    async def add_tombstones(
        self, pipeline: str, run: int, keys: Sequence[Key], *, epoch: int | None = None
    ) -> None:
        """Note the deletes; one commit for all keys. Adding a key again changes nothing."""

    async def find_tombstones(self, pipeline: str, run: int, keys: Sequence[Key]) -> Set[Key]:
        """Those of the keys that have a tombstone."""

    async def list_tombstones(
        self, pipeline: str, run: int, after: Key | None, limit: int
    ) -> Sequence[Key]:
        """Up to ``limit`` keys in the store's own stable order, after the given one."""

    async def drop_tombstones(self, pipeline: str, run: int, *, epoch: int | None = None) -> None:
        """Forget all tombstones of this run and of older ones."""


class DirtyRow(NamedTuple):
    """A key whose state at the source may not be at the sink yet.

    ``generation`` is given by the store, from one counter per store, and never again. ``since`` is when
    it has been so since, in seconds since the epoch.
    """

    key: Key
    generation: int
    since: float


class Noted(NamedTuple):
    """What noting did: how many keys were not noted before, and the newest generation of the store."""

    new: int
    newest: int


class Oldest(NamedTuple):
    """The least of what the rows of a pipeline are dirty since: a time, and, by itself, a generation."""

    since: float
    generation: int


class DirtyRows(Protocol):
    """Keys to be copied by state (design 4.3): at most one row per key."""

    async def add_dirty(
        self, pipeline: str, keys: Sequence[tuple[Key, float]], *, epoch: int | None = None
    ) -> Noted:
        """Note the keys, each with the time since when; one commit for all.

        A key that is noted already takes a new generation and stays dirty since the older time, and
        since the generation with which it became so.
        """

    async def list_dirty(self, pipeline: str, after: int, limit: int) -> Sequence[DirtyRow]:
        """Up to ``limit`` rows with a generation greater than ``after``, in order of generation."""

    async def clear_dirty(
        self, pipeline: str, rows: Sequence[DirtyRow], *, epoch: int | None = None
    ) -> int:
        """Forget those rows whose generation is still the same; returns how many. One commit for all.

        A row that was noted again stays. It is dirty only since the time given here, and since the
        generation after the one given here, if these are later: what came before was copied.
        """

    async def count_dirty(self, pipeline: str) -> int:
        """How many rows there are; counts them."""

    async def oldest_dirty(self, pipeline: str) -> Oldest | None:
        """Since when its rows are dirty; None where there are none."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A change that the sink refuses for good, kept whole.

    ``state`` is ``open``, ``replayed`` or ``waived``; open ones close the gate. Times are seconds since
    the epoch. ``id`` is given by the store.
    """

    id: int
    pipeline: str
    key: Key
    kind: Kind
    record: Record | None
    error_code: str
    message: str
    hint: str
    committed_at: float
    failed_at: float
    state: str = "open"


class DeadLetters(Protocol):
    """The dead letters of all pipelines."""

    async def add_dead_letters(self, letters: Sequence[DeadLetter], *, epoch: int | None = None) -> None:
        """Keep them, giving each an id; one commit for all. With an epoch all are of its pipeline.

        A letter whose pipeline and key already have an open one replaces that one: the newest state
        is the one that a replay has to bring about.
        """

    async def list_dead_letters(
        self, pipeline: str | None, state: str | None, after: int, limit: int
    ) -> Sequence[DeadLetter]:
        """Up to ``limit`` letters with an id greater than ``after``, in order of id."""

    async def get_dead_letter(self, letter_id: int) -> DeadLetter | None:
        """The letter with this id."""

    async def count_dead_letters(self, pipeline: str) -> int:
        """How many are open."""

    async def newest_dead_letters(self, pipeline: str, keys: Sequence[Key]) -> Sequence[DeadLetter]:
        """The newest letter of each of the keys that has any, whatever its state."""

    async def settle_dead_letter(self, letter_id: int, state: str, *, epoch: int | None = None) -> bool:
        """Move an open letter to ``replayed`` or ``waived``; False where it is not open."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line of the audit journal: who did what, when. ``detail`` is JSON."""

    at: float
    actor: str
    action: str
    pipeline: str | None
    detail: Mapping[str, Any]


class Journal(Protocol):
    """The audit journal: every command that changes something, appended before its effect."""

    async def append(self, entry: JournalEntry) -> None:
        """Append one entry."""

    async def entries(self, limit: int) -> Sequence[JournalEntry]:
        """The newest entries, oldest first."""


class Difference(NamedTuple):
    """A key whose digests differ, with the source's; None where only the sink has it."""

    key: Key
    source: bytes | None


class Comparison(Protocol):
    """Scratch room in which a verification compares two sides by digest, whatever their size."""

    async def add(self, side: str, digests: Sequence[tuple[Key, bytes]]) -> None:
        """Note digests of one side, ``source`` or ``sink``; a key that comes again takes the newer one."""

    async def differences(self, after: Key | None, limit: int) -> Sequence[Difference]:
        """Up to ``limit`` keys after the given one whose digests differ or are on one side only.

        In the comparison's own stable order.
        """

    async def close(self) -> None:
        """Forget everything. May be called more than once."""


class Report(Protocol):
    """A file with one line per key that a verification has something to say about."""

    @property
    def place(self) -> str:
        """Where an operator finds it."""

    async def write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Append lines, in this order."""

    async def close(self) -> None:
        """Finish the report. May be called more than once."""


class Desk(Protocol):
    """Where a verification works and reports."""

    async def open_comparison(self, pipeline: str) -> Comparison:
        """An empty comparison; an unfinished earlier one of the pipeline is gone."""

    async def open_report(self, pipeline: str, at: float) -> Report:
        """An empty report named after the pipeline and the time, in seconds since the epoch."""


class Store(Leases, Checkpoints, Tombstones, DirtyRows, DeadLetters, Journal, Desk, Protocol):
    """All durable notes of one service, as one process has them open."""

    async def close(self) -> None:
        """Let go of the store. May be called more than once."""
