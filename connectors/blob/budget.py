"""A bound on the bytes held in memory, shared by all who hold some. First come, first served."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Budget:
    """So many bytes, of which each ``acquire`` takes some until its ``release``.

    Nobody who holds bytes may wait for more of them; then everybody gets theirs in the end.
    """

    def __init__(self, bytes_max: int) -> None:
        self._left = bytes_max
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def held(self, size: int) -> AsyncIterator[None]:
        """Hold so many bytes, at most the whole, for as long as the block lasts."""
        await self.acquire(size)
        try:
            yield
        finally:
            self.release(size)

    async def acquire(self, size: int) -> None:
        """Wait for so many bytes, behind those who came before."""
        if size <= self._left and not self._waiting:
            self._left -= size
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._left += size
            self._serve()
            raise

    def release(self, size: int) -> None:
        """Give bytes back."""
        self._left += size
        self._serve()

    def _serve(self) -> None:
        while self._waiting:
            size, turn = self._waiting[0]
            if not turn.done():
                if size > self._left:
                    return
                self._left -= size
                turn.set_result(None)
            self._waiting.popleft()
