"""An operator of a queue: waits on barriers, and settles dead letters, in order and out of order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from replicator.engine.supervisor import Supervisor
from replicator.model.errors import NotNowError
from replicator.stores import DeadLetter, Store
from replicator.testing.commands import ANSWER_SECONDS_MAX, MEND_SECONDS, Operator, Witness

LETTERS_MAX = 100
LETTERS_AT_ONCE = 4


class MessageOperator(Operator):
    """An operator who settles dead letters all the time, and all of them when everything is healed.

    He waives a letter only when no call that was made before can land any more, and only one that he has
    never tried to replay: what he waives he wants not to arrive.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        store: Store,
        ledger: Witness,
        chance: random.Random,
        waive_share: float,
        settled_seconds: float,
        tried: set[object],
    ) -> None:
        """``tried`` is what earlier operators have tried to replay, by key; it is added to."""
        super().__init__(supervisor, store, ledger, chance)
        self._waive_share = waive_share
        self._settled_seconds = settled_seconds
        self._tried = tried

    @property
    def commands(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """Settling letters as well."""
        return [*super().commands, self._settle_some, self._settle_some]

    async def mend(self, is_healed: Callable[[], bool]) -> None:
        """Settle all letters, those that were sent first before the others, when all has healed."""
        while True:
            await asyncio.sleep(MEND_SECONDS)
            if not is_healed():
                continue
            self._resume()
            for letter in sorted(await self._letters(), key=lambda letter: letter.committed_at):
                with suppress(NotNowError):
                    await self._settle(letter)

    async def _letters(self) -> Sequence[DeadLetter]:
        return await self._store.list_dead_letters(None, "open", 0, LETTERS_MAX)

    async def _settle_some(self) -> None:
        letters = list(await self._letters())
        if self._chance.random() < 0.5:
            self._chance.shuffle(letters)
        for letter in letters[:LETTERS_AT_ONCE]:
            with suppress(NotNowError):
                await self._settle(letter)

    async def _settle(self, letter: DeadLetter) -> None:
        if letter.key not in self._tried and self._chance.random() < self._waive_share:
            now = self._supervisor.charge.clock.wall()
            if now - letter.failed_at > self._settled_seconds:  # until then it is left alone
                await self._supervisor.waive(letter.id)
            return
        self._tried.add(letter.key)
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                await self._supervisor.replay(letter)
        except TimeoutError:
            self._ledger.violations.add(f"the replay of {letter.key} was never answered")
