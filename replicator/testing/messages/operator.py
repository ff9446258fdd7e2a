"""An operator of a queue: waits on barriers, and settles dead letters, in order and out of order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from replicator.engine.supervisor import Supervisor
from replicator.model.errors import NotNowError
from replicator.stores import DeadLetter, Store
from replicator.testing.commands import ANSWER_SECONDS_MAX, MEND_SECONDS, Operator, Witness

LETTERS_MAX = 100


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
        return [*super().commands, self._settle_one, self._settle_one]

    async def mend(self, is_healed: Callable[[], bool]) -> None:
        """Settle all letters, those that were sent first before the others, when all has healed."""
        while True:
            await asyncio.sleep(MEND_SECONDS)
            if not is_healed():
                continue
            self._resume()
            for letter in sorted(await self._letters(), key=lambda letter: letter.committed_at):
                try:
                    await self._settle(letter)
                except NotNowError:
                    continue

    async def _letters(self) -> Sequence[DeadLetter]:
        return await self._store.list_dead_letters(None, "open", 0, LETTERS_MAX)

    async def _settle_one(self) -> None:
        letters = await self._letters()
        if not letters:
            return
        await self._settle(self._chance.choice(letters) if self._chance.random() < 0.5 else letters[0])

    async def _settle(self, letter: DeadLetter) -> None:
        now = self._supervisor.charge.clock.wall()
        may_waive = letter.key not in self._tried and now - letter.failed_at > self._settled_seconds
        if may_waive and self._chance.random() < self._waive_share:
            await self._supervisor.waive(letter.id)
            return
        self._tried.add(letter.key)
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                await self._supervisor.replay(letter)
        except TimeoutError:
            self._ledger.violations.append(f"the replay of {letter.key} was never answered")
