"""Letters that a later copy has made moot: the sink has what the source has, and nobody need look at them.

A letter counts as moot once a copy is over that was handed over while the letter was open. If that copy was
refused as well, a newer letter has taken the place of this one, and to settle this one changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from replicator.engine.dead_letters import OPEN, Morgue
from replicator.engine.retry import Retrier
from replicator.model.key import Key
from replicator.stores import DeadLetter


class Moot:
    """Settles moot letters behind the copies. Run its task for as long as it is used."""

    def __init__(self, morgue: Morgue, retrier: Retrier) -> None:
        self._morgue = morgue
        self._retrier = retrier
        self._letters: list[DeadLetter] = []
        self._to_settle = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def find(self, keys: Sequence[Key]) -> Mapping[Key, DeadLetter]:
        """The open letters of keys that are about to be copied; nothing is looked up while none is open."""
        if not self._morgue.open:
            return {}
        look = partial(self._morgue.find, keys, (OPEN,))
        return await self._retrier.persist("state", "dead_letters", look)

    def note(self, letter: DeadLetter) -> None:
        """The copy is over that was handed over while this letter was open."""
        self._letters.append(letter)
        self._idle.clear()
        self._to_settle.set()

    async def settle_forever(self) -> None:
        """Settle what was noted, until cancelled."""
        while True:
            await self._to_settle.wait()
            self._to_settle.clear()
            letters, self._letters = self._letters, []
            await self._retrier.persist("state", "dead_letters", partial(self._morgue.settle, letters))
            if not self._letters:
                self._idle.set()

    async def settled(self) -> None:
        """Return once all that was noted is settled."""
        await self._idle.wait()
