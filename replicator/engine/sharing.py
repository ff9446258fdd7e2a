"""Sharing: one run of something costly serves everyone who asked for it before it began."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """A piece of work whose result is only good for those who asked before it was begun."""

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        self._work = work
        self._working = asyncio.Lock()
        self._begun = 0
        self._last: tuple[int, T] | None = None

    async def __call__(self) -> T:
        """The result of a run that began after this call; callers who come meanwhile share the next one.

        A caller who is cancelled while the run is his leaves it to the next one to begin another.
        """
        wanted = self._begun + 1
        async with self._working:
            if self._last is not None and self._last[0] >= wanted:
                return self._last[1]
            self._begun += 1
            number = self._begun
            result = await self._work()
            self._last = number, result
            return result
