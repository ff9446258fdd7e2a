"""Dead letters: what a sink refuses for good, kept whole; and its replay.

A replay does not write the old change again: it restores the key from the source, so that it can never
overwrite something newer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from replicator.model.change import Change
from replicator.model.clock import Clock
from replicator.model.errors import ChangeError, PermanentError, ReplicatorError
from replicator.model.key import Key, key_text
from replicator.model.record import Record
from replicator.stores import DeadLetter, DeadLetters

OPEN = "open"
WAIVED = "waived"
REPLAYED = "replayed"

KEEP = "keep"
STOP = "stop"


class Morgue:
    """Keeps refused changes for one pipeline, as its policy says."""

    def __init__(self, store: DeadLetters, pipeline: str, policy: str, open_max: int, clock: Clock) -> None:
        self._store = store
        self._pipeline = pipeline
        self._policy = policy
        self._open_max = open_max
        self._clock = clock
        self.open = 0
        self._counting = asyncio.Lock()
        self._any_waived = False

    async def refresh(self) -> None:
        """Count the open ones again; one count at a time, or an older answer could replace a newer one."""
        async with self._counting:
            self.open = await self._store.count_dead_letters(self._pipeline)

    async def look_for_waived(self) -> None:
        """Learn whether any was ever waived; what an older look did not see cannot hide it any more."""
        if await self._store.list_dead_letters(self._pipeline, WAIVED, 0, 1):
            self._any_waived = True

    async def find_waived(self, keys: Sequence[Key]) -> Collection[Key]:
        """Those of the keys whose newest letter was waived; nothing is looked up while none is."""
        return await self.find(keys, (WAIVED,)) if self._any_waived else ()

    async def find(self, keys: Sequence[Key], states: Collection[str]) -> Mapping[Key, DeadLetter]:
        """Those of the keys whose newest letter is in one of these states, with that letter."""
        newest = await self._store.newest_dead_letters(self._pipeline, keys)
        return {letter.key: letter for letter in newest if letter.state in states}

    async def settle(self, letters: Sequence[DeadLetter]) -> None:
        """Close those of the letters that are still open: the sink has what the source has."""
        for letter in letters:
            await self._store.settle_dead_letter(letter.id, REPLAYED)
        await self.refresh()

    async def refuse(self, refused: Sequence[tuple[Change, ReplicatorError]]) -> None:
        """Keep these changes durably.

        Raises:
            PermanentError: the policy is to stop, or more are open than allowed.
        """
        if self._policy == STOP:
            change, error = refused[0]
            raise PermanentError(
                f"the sink refuses {key_text(change.key)}: {error.message}",
                hint=error.hint or "Mend the record at the source, or set dead_letters.policy to keep.",
            )
        await self._store.add_dead_letters([self._letter(change, error) for change, error in refused])
        await self.refresh()
        if self.open > self._open_max:
            raise PermanentError(
                f"{self.open} dead letters are open, more than dead_letters.open_max = {self._open_max}",
                hint="Look at `replicator dead-letters list`; mend the cause, replay, then resume.",
            )

    def _letter(self, change: Change, error: ReplicatorError) -> DeadLetter:
        now = self._clock.wall()
        return DeadLetter(
            id=0,
            pipeline=self._pipeline,
            key=change.key,
            kind=change.kind,
            record=_refused(error) or change.record,
            error_code=error.code,
            message=error.message,
            hint=error.hint,
            committed_at=change.committed_at or now,  # a backfill row has no commit time
            failed_at=now,
        )


def _refused(error: ReplicatorError) -> Record | None:
    return error.record if isinstance(error, ChangeError) else None
