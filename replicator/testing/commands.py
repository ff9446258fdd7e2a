"""An operator of the simulated process: pauses and resumes it, verifies, repairs, waits on barriers, mends.

Everything here runs within the process's life, as requests to it do, and dies with it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from replicator.engine.status import State
from replicator.engine.supervisor import Supervisor
from replicator.model.errors import NotNowError, PositionLostError, SinkChangedError
from replicator.stores import Store
from replicator.testing.ledger import Ledger

MEND_SECONDS = 0.5
ANSWER_SECONDS_MAX = 30.0


class Operator:
    """Someone at the command line of one process."""

    def __init__(self, supervisor: Supervisor, store: Store, ledger: Ledger, chance: random.Random) -> None:
        self._supervisor = supervisor
        self._store = store
        self._ledger = ledger
        self._chance = chance

    async def command(self, seconds: float, is_healed: Callable[[], bool]) -> None:
        """Give a command about every so many seconds, until all has healed."""
        while True:
            await asyncio.sleep(self._chance.expovariate(1.0 / seconds))
            if is_healed():
                return
            command = self._chance.choice([self._pause, self._wait_for_barrier, self._verify, self._repair])
            try:
                await command()
            except NotNowError:
                continue

    async def mend(self, is_healed: Callable[[], bool]) -> None:
        """Answer what only an operator can: a lost position at once, dead letters when all has healed."""
        while True:
            await asyncio.sleep(MEND_SECONDS)
            failure = self._supervisor.status().failure
            if failure is not None and failure.code in (PositionLostError.code, SinkChangedError.code):
                self._supervisor.resume(new_backfill=True)
            elif is_healed() and self._supervisor.state is State.RUNNING:
                await self._replay()

    async def _replay(self) -> None:
        for letter in await self._store.list_dead_letters(None, "open", 0, 10):
            try:
                async with asyncio.timeout(ANSWER_SECONDS_MAX):
                    await self._supervisor.replay(letter)
            except NotNowError:
                return
            except TimeoutError:
                self._ledger.violations.append("a replay of a dead letter was never answered")

    async def _pause(self) -> None:
        self._supervisor.pause()
        await asyncio.sleep(self._chance.uniform(0.0, 2.0))
        self._supervisor.resume()

    async def _wait_for_barrier(self) -> None:
        number = self._ledger.numbers
        how = await self._supervisor.barrier()
        self._ledger.proved(number, how)

    async def _verify(self) -> None:
        self._supervisor.verify(repair=False, quiet_source=False)

    async def _repair(self) -> None:
        self._supervisor.verify(repair=True, quiet_source=False)
