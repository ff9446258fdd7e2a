"""Work in a thread that nobody leaves behind: a cancelled caller still waits for it to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


async def in_thread(work: Callable[[], Result]) -> Result:
    """Like ``asyncio.to_thread``, but returning, or being cancelled, only once the work is over.

    A thread that outlives its caller would go on using a connection or file that is being closed.
    """
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise
