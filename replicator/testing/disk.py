"""A store in memory. Its ``Disk`` outlives the process that writes it, as a volume does."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Protocol

from replicator.model.checkpoint import Checkpoint
from replicator.model.errors import CheckpointConflictError
from replicator.model.key import Key, key_text
from replicator.stores import (
    DAY,
    Claim,
    Comparison,
    DeadLetter,
    DirtyRow,
    JournalEntry,
    Lease,
    Noted,
    Oldest,
    Report,
    Term,
)
from replicator.testing.desk import InMemoryComparison, InMemoryReport


@dataclass(slots=True)
class Held:
    """What is known of one pipeline."""

    lease: Lease = field(default_factory=Lease)
    clean: bool = True
    call_seconds: float = 0.0
    checkpoint: Checkpoint | None = None


@dataclass(slots=True)
class Disk:
    """Everything that survives. ``ended`` are the names of holders whose process is known to have ended."""

    ended: set[str] = field(default_factory=set)
    held: dict[str, Held] = field(default_factory=dict)
    tombstones: dict[tuple[str, int], dict[Key, str]] = field(default_factory=dict)
    dirty: dict[str, dict[Key, DirtyRow]] = field(default_factory=dict)
    dirty_from: dict[tuple[str, Key], int] = field(default_factory=dict)
    generations_given: int = 0
    letters: dict[int, DeadLetter] = field(default_factory=dict)
    letters_given: int = 0
    journal: list[JournalEntry] = field(default_factory=list)


class LeasesWatched(Protocol):
    """Who is told of leases as they change."""

    def claimed(self, epoch: int, seconds: float) -> None:
        """A claim has taken effect."""

    def renewed(self, epoch: int) -> None:
        """A renewal has taken effect."""

    def released(self, epoch: int) -> None:
        """A release has taken effect."""


class InMemoryStore:
    """A ``Store`` over a disk; nothing in it awaits, so every call happens at once.

    Attributes:
        watch: who is told of leases.
    """

    watch: LeasesWatched | None = None

    def __init__(self, disk: Disk, name: str = "holder") -> None:
        """``name`` is that of the holder who opens it."""
        self._disk = disk
        self._name = name

    async def look(self, pipeline: str) -> Lease:
        """Who holds it."""
        lease = self._held(pipeline).lease
        over = lease.over or lease.holder == self._name or lease.holder in self._disk.ended
        return replace(lease, over=over)

    async def claim(self, pipeline: str, seen: Lease | None = None, term: Term = DAY) -> Claim:
        """Take the pipeline over, if nothing has moved."""
        held = self._held(pipeline)
        before = held.lease
        if seen is not None and (seen.epoch, seen.renewals) != (before.epoch, before.renewals):
            raise CheckpointConflictError(f"epoch {before.epoch} was claimed or renewed meanwhile")
        claim = Claim(before.epoch + 1, held.checkpoint, held.clean, held.call_seconds)
        held.lease = Lease(claim.epoch, 0, term.lease_seconds, self._name, over=False)
        held.clean, held.call_seconds = False, term.call_seconds
        if self.watch is not None:
            self.watch.claimed(claim.epoch, term.lease_seconds)
        return claim

    async def renew(self, pipeline: str, epoch: int) -> None:
        """Count a renewal."""
        self._require(pipeline, epoch)
        held = self._held(pipeline)
        if held.lease.over:
            raise CheckpointConflictError(f"epoch {epoch} was released")
        held.lease = replace(held.lease, renewals=held.lease.renewals + 1)
        if self.watch is not None:
            self.watch.renewed(epoch)

    async def release(self, pipeline: str, epoch: int, *, clean: bool = True) -> None:
        """Note the end of a lease, unless somebody else has claimed since."""
        held = self._held(pipeline)
        if held.lease.epoch == epoch:
            held.lease, held.clean = replace(held.lease, over=True), clean
            if self.watch is not None:
                self.watch.released(epoch)

    async def save(self, pipeline: str, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint, unless its epoch is over."""
        self._require(pipeline, checkpoint.epoch)
        self._held(pipeline).checkpoint = checkpoint

    def _held(self, pipeline: str) -> Held:
        return self._disk.held.setdefault(pipeline, Held())

    def _require(self, pipeline: str, epoch: int | None) -> None:
        claimed = self._held(pipeline).lease.epoch
        if epoch is not None and epoch != claimed:
            raise CheckpointConflictError(f"epoch {epoch} is over; {claimed} is claimed")

    async def add_tombstones(
        self, pipeline: str, run: int, keys: Sequence[Key], *, epoch: int | None = None
    ) -> None:
        """Note the deletes."""
        self._require(pipeline, epoch)
        noted = self._disk.tombstones.setdefault((pipeline, run), {})
        noted.update((key, key_text(key)) for key in keys)

    async def find_tombstones(self, pipeline: str, run: int, keys: Sequence[Key]) -> Set[Key]:
        """Those of the keys that are noted."""
        noted = self._disk.tombstones.get((pipeline, run), {})
        return {key for key in keys if key in noted}

    async def list_tombstones(
        self, pipeline: str, run: int, after: Key | None, limit: int
    ) -> Sequence[Key]:
        """In the order of the keys' texts."""
        noted = self._disk.tombstones.get((pipeline, run), {})
        least = "" if after is None else key_text(after)
        return sorted((key for key, text in noted.items() if text > least), key=key_text)[:limit]

    async def drop_tombstones(self, pipeline: str, run: int, *, epoch: int | None = None) -> None:
        """Forget this run's and older ones."""
        self._require(pipeline, epoch)
        for of, number in list(self._disk.tombstones):
            if of == pipeline and number <= run:
                del self._disk.tombstones[of, number]

    async def add_dirty(
        self, pipeline: str, keys: Sequence[tuple[Key, float]], *, epoch: int | None = None
    ) -> Noted:
        """Note the keys under new generations."""
        self._require(pipeline, epoch)
        noted = self._disk.dirty.setdefault(pipeline, {})
        before = len(noted)
        for key, since in keys:
            self._disk.generations_given += 1
            row = noted.pop(key, None)
            oldest = since if row is None else min(since, row.since)
            noted[key] = DirtyRow(key, self._disk.generations_given, oldest)
            self._disk.dirty_from.setdefault((pipeline, key), self._disk.generations_given)
        return Noted(len(noted) - before, self._disk.generations_given)

    async def list_dirty(self, pipeline: str, after: int, limit: int) -> Sequence[DirtyRow]:
        """In order of generation, which is that of the dictionary."""
        rows = self._disk.dirty.get(pipeline, {}).values()
        return [row for row in rows if row.generation > after][:limit]

    async def clear_dirty(
        self, pipeline: str, rows: Sequence[DirtyRow], *, epoch: int | None = None
    ) -> int:
        """Forget those that were not noted again; renew the others."""
        self._require(pipeline, epoch)
        noted, since_when = self._disk.dirty.get(pipeline, {}), self._disk.dirty_from
        before = len(noted)
        for row in rows:
            present = noted.get(row.key)
            if present is None:
                continue
            if present.generation == row.generation:
                del noted[row.key], since_when[pipeline, row.key]
            else:
                noted[row.key] = present._replace(since=max(present.since, row.since))
                since_when[pipeline, row.key] = max(since_when[pipeline, row.key], row.generation + 1)
        return before - len(noted)

    async def count_dirty(self, pipeline: str) -> int:
        """How many there are."""
        return len(self._disk.dirty.get(pipeline, {}))

    async def oldest_dirty(self, pipeline: str) -> Oldest | None:
        """Since when they are dirty."""
        noted = self._disk.dirty.get(pipeline)
        if not noted:
            return None
        least = min(self._disk.dirty_from[pipeline, key] for key in noted)
        return Oldest(min(row.since for row in noted.values()), least)

    async def add_dead_letters(self, letters: Sequence[DeadLetter], *, epoch: int | None = None) -> None:
        """Keep them; a newer one takes the place of an open one of its key."""
        for pipeline in {letter.pipeline for letter in letters}:
            self._require(pipeline, epoch)
        for letter in letters:
            for old in self._open(letter.pipeline):
                if old.key == letter.key:
                    del self._disk.letters[old.id]
            self._disk.letters_given += 1
            self._disk.letters[self._disk.letters_given] = replace(letter, id=self._disk.letters_given)

    async def list_dead_letters(
        self, pipeline: str | None, state: str | None, after: int, limit: int
    ) -> Sequence[DeadLetter]:
        """In order of id."""
        found = (
            letter
            for letter in self._disk.letters.values()
            if letter.id > after and pipeline in (None, letter.pipeline) and state in (None, letter.state)
        )
        return list(found)[:limit]

    async def get_dead_letter(self, letter_id: int) -> DeadLetter | None:
        """The letter with this id."""
        return self._disk.letters.get(letter_id)

    async def count_dead_letters(self, pipeline: str) -> int:
        """How many are open."""
        return len(self._open(pipeline))

    async def newest_dead_letters(self, pipeline: str, keys: Sequence[Key]) -> Sequence[DeadLetter]:
        """The newest letter of each key."""
        letters = (each for _, each in sorted(self._disk.letters.items()) if each.pipeline == pipeline)
        newest = {letter.key: letter for letter in letters}
        return [newest[key] for key in keys if key in newest]

    async def settle_dead_letter(self, letter_id: int, state: str, *, epoch: int | None = None) -> bool:
        """Move an open letter on."""
        letter = self._disk.letters.get(letter_id)
        if letter is None or letter.state != "open":
            return False
        self._require(letter.pipeline, epoch)
        self._disk.letters[letter_id] = replace(letter, state=state)
        return True

    async def append(self, entry: JournalEntry) -> None:
        """Append one entry."""
        self._disk.journal.append(entry)

    async def entries(self, limit: int) -> Sequence[JournalEntry]:
        """The newest, oldest first."""
        return self._disk.journal[-limit:]

    async def open_comparison(self, _pipeline: str) -> Comparison:
        """An empty comparison."""
        return InMemoryComparison()

    async def open_report(self, pipeline: str, at: float) -> Report:
        """An empty report."""
        return InMemoryReport(f"memory:{pipeline}@{at:.0f}")

    async def close(self) -> None:
        """Nothing to release."""

    def _open(self, pipeline: str) -> list[DeadLetter]:
        letters = self._disk.letters.values()
        return [letter for letter in letters if letter.pipeline == pipeline and letter.state == "open"]
