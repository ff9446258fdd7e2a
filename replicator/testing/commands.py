"""An operator of the simulated process: pauses and resumes it, verifies, repairs, waits on barriers, mends.

Everything here runs within the process's life, as requests to it do, and dies with it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Protocol

from replicator.engine.status import State
from replicator.engine.supervisor import Supervisor
from replicator.model.errors import NotNowError, PositionLostError, SinkChangedError
from replicator.stores import DeadLetter, Store
from replicator.testing.violations import Violations

MEND_SECONDS = 0.5
ANSWER_SECONDS_MAX = 30.0


class Witness(Protocol):
    """Whom an operator tells of what he was told."""

    violations: Violations

    @property
    def numbers(self) -> int:
        """How much has been committed at the source by now."""

    def proved(self, number: int, how: str) -> None:
        """The engine says that everything up to this number is applied."""


class Operator:
    """Someone at the command line of one process."""

    def __init__(
        self, supervisor: Supervisor, store: Store, ledger: Witness, chance: random.Random
    ) -> None:
        self._supervisor = supervisor
        self._store = store
        self._ledger = ledger
        self._chance = chance

    @property
    def commands(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """What this operator does now and then."""
        return [self._pause]

    @property
    def barriers(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """What this operator waits for now and then."""
        return [self._wait_for_barrier]

    async def command(self, seconds: float, is_healed: Callable[[], bool]) -> None:
        """Give a command about every so many seconds, until all has healed."""
        await self._now_and_then(seconds, self.commands, is_healed)

    async def wait(self, seconds: float, is_healed: Callable[[], bool]) -> None:
        """Wait on a barrier, and so many seconds after it on another, until all has healed."""
        await self._now_and_then(seconds, self.barriers, is_healed)

    async def _now_and_then(
        self, seconds: float, chosen: Sequence[Callable[[], Awaitable[None]]], is_healed: Callable[[], bool]
    ) -> None:
        while True:
            await asyncio.sleep(self._chance.expovariate(1.0 / seconds))
            if is_healed():
                return
            with suppress(NotNowError):
                await self._chance.choice(chosen)()

    async def mend(self, is_healed: Callable[[], bool]) -> None:
        """Answer what only an operator can: a lost position at once, dead letters when all has healed."""
        while True:
            await asyncio.sleep(MEND_SECONDS)
            failure = self._supervisor.status().failure
            if failure is not None and failure.code in (PositionLostError.code, SinkChangedError.code):
                self._supervisor.resume(new_backfill=True)
            elif is_healed() and self._supervisor.state is State.RUNNING:
                await self._replay()
            elif is_healed():
                self._resume()
            else:
                await self.look_after()

    async def look_after(self) -> None:
        """What this operator sees to again and again while all is busy: nothing."""

    async def replay(self, letter: DeadLetter) -> None:
        """Replay one letter.

        Raises:
            NotNowError: it is not its turn.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                await self._supervisor.replay(letter)
        except TimeoutError:
            self._ledger.violations.add("a replay of a dead letter was never answered")

    async def _replay(self) -> None:
        for letter in await self._store.list_dead_letters(None, "open", 0, 10):
            try:
                await self.replay(letter)
            except NotNowError:
                return

    def _resume(self) -> None:
        """Repeat what was refused while the process was not certain of its lease."""
        if self._supervisor.state is State.PAUSED:
            self._supervisor.resume()

    async def _pause(self) -> None:
        self._supervisor.pause()
        await asyncio.sleep(self._chance.uniform(0.0, 2.0))
        self._supervisor.resume()

    async def _wait_for_barrier(self) -> None:
        number = self._ledger.numbers
        how = await self._supervisor.barrier()
        self._ledger.proved(number, how)


class CopyOperator(Operator):
    """An operator of a pipeline that copies: what was copied can be compared.

    Few of them repair: who does mends what went wrong before anybody sees it.
    """

    repairs = False

    @property
    def commands(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """Verifications, replays and, if so, repairs as well."""
        mending = [self._repair] if self.repairs else []
        return [*super().commands, self._verify, self._replay_one, *mending]

    async def _verify(self) -> None:
        self._supervisor.verify(repair=False, quiet_source=False)

    async def _replay_one(self) -> None:
        letters = await self._store.list_dead_letters(None, "open", 0, 10)
        if letters:
            await self.replay(self._chance.choice(letters))

    async def _repair(self) -> None:
        self._supervisor.verify(repair=True, quiet_source=False)
