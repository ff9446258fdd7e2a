"""How the contract checks of a store open and close it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from replicator.stores import Store

OpenStore = Callable[[], Awaitable[Store]]
"""Opens the store under test: after closing, the same one with all that was noted."""

Check = Callable[[OpenStore], Awaitable[None]]


@asynccontextmanager
async def opened(open_store: OpenStore) -> AsyncIterator[Store]:
    """A store, closed at the end."""
    store = await open_store()
    try:
        yield store
    finally:
        await store.close()
