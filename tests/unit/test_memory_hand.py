"""What a reader of a memory queue has in hand."""

import asyncio

import pytest

from connectors.memory import MemoryQueue
from connectors.memory.messages import Hand


async def test_giving_back_can_be_cancelled():
    """Whoever is told to end while he gives back ends, and does not take it for the end of his task."""
    hand = Hand(MemoryQueue())
    giving_back = asyncio.create_task(hand.release())
    await asyncio.sleep(0)
    giving_back.cancel()
    with pytest.raises(asyncio.CancelledError):
        await giving_back
    await hand.release()
