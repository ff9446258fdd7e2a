"""A store in memory. Its ``Disk`` outlives the process that writes it, as a volume does."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace

from replicator.model.checkpoint import Checkpoint
from replicator.model.errors import CheckpointConflictError
from replicator.model.key import Key, key_text
from replicator.stores import Claim, Comparison, DeadLetter, DirtyRow, JournalEntry, Noted, Oldest, Report
from replicator.testing.desk import InMemoryComparison, InMemoryReport


@dataclass(slots=True)
class Held:
    """What is known of one pipeline."""

    epoch: int = 0
    clean: bool = True
    checkpoint: Checkpoint | None = None


@dataclass(slots=True)
class Disk:
    """Everything that survives."""

    held: dict[str, Held] = field(default_factory=dict)
    tombstones: dict[tuple[str, int], dict[Key, str]] = field(default_factory=dict)
    dirty: dict[str, dict[Key, DirtyRow]] = field(default_factory=dict)
    dirty_from: dict[tuple[str, Key], int] = field(default_factory=dict)
    generations_given: int = 0
    letters: dict[int, DeadLetter] = field(default_factory=dict)
    letters_given: int = 0
    journal: list[JournalEntry] = field(default_factory=list)


class InMemoryStore:
    """A ``Store`` over a disk; nothing in it awaits, so every call happens at once."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    async def claim(self, pipeline: str) -> Claim:
        """Take the pipeline over."""
        held = self._disk.held.setdefault(pipeline, Held())
        claim = Claim(held.epoch + 1, held.checkpoint, held.clean)
        held.epoch, held.clean = claim.epoch, False
        return claim

    async def save(self, pipeline: str, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint, unless its epoch is over."""
        held = self._disk.held.setdefault(pipeline, Held())
        if checkpoint.epoch != held.epoch:
            raise CheckpointConflictError(f"epoch {checkpoint.epoch} is over; {held.epoch} is claimed")
        held.checkpoint = checkpoint

    async def release(self, pipeline: str, epoch: int) -> None:
        """Make the next claim clean, unless somebody else has claimed since."""
        held = self._disk.held.get(pipeline)
        if held is not None and held.epoch == epoch:
            held.clean = True

    async def add_tombstones(self, pipeline: str, run: int, keys: Sequence[Key]) -> None:
        """Note the deletes."""
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

    async def drop_tombstones(self, pipeline: str, run: int) -> None:
        """Forget this run's and older ones."""
        for of, number in list(self._disk.tombstones):
            if of == pipeline and number <= run:
                del self._disk.tombstones[of, number]

    async def add_dirty(self, pipeline: str, keys: Sequence[tuple[Key, float]]) -> Noted:
        """Note the keys under new generations."""
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

    async def clear_dirty(self, pipeline: str, rows: Sequence[DirtyRow]) -> int:
        """Forget those that were not noted again; renew the others."""
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

    async def add_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Keep them; a newer one takes the place of an open one of its key."""
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

    async def find_open(self, pipeline: str, keys: Sequence[Key]) -> Set[Key]:
        """Those of the keys that have an open letter."""
        return {letter.key for letter in self._open(pipeline)} & set(keys)

    async def find_waived(self, pipeline: str, keys: Sequence[Key]) -> Set[Key]:
        """Those of the keys whose newest letter was waived."""
        newest = {
            letter.key: letter.state
            for _, letter in sorted(self._disk.letters.items())
            if letter.pipeline == pipeline
        }
        return {key for key in keys if newest.get(key) == "waived"}

    async def settle_dead_letter(self, letter_id: int, state: str) -> bool:
        """Move an open letter on."""
        letter = self._disk.letters.get(letter_id)
        if letter is None or letter.state != "open":
            return False
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
