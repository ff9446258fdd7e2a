"""Blocks fit their blob, and no more bytes are held than allowed."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.blob.budget import Budget
from connectors.blob.checksums import transfer_header
from connectors.blob.config import BLOCK_BYTES_MAX, MEBIBYTE
from connectors.blob.upload import BLOCKS_MAX, block_size

TEBIBYTE = 1024 * 1024 * MEBIBYTE


@given(st.integers(1, 49 * TEBIBYTE), st.integers(64 * 1024, 64 * MEBIBYTE))
def test_every_size_fits_into_its_blocks(size, block_bytes):
    """However large the object, there are never more blocks than allowed, and none is too large."""
    step = block_size(size, block_bytes)
    assert -(-size // step) <= BLOCKS_MAX
    assert block_bytes <= step <= BLOCK_BYTES_MAX
    assert step == block_bytes or size > BLOCKS_MAX * block_bytes


async def test_a_budget_is_never_exceeded():
    """Whoever asks gets its bytes in the end, in turn, and all of them together never hold too much."""
    budget, held, peak, served = Budget(10), 0, 0, []

    async def hold(number, size):
        nonlocal held, peak
        async with budget.held(size):
            held += size
            peak = max(peak, held)
            served.append(number)
            await asyncio.sleep(0)
            held -= size

    sizes = [4, 10, 1, 1, 7, 3, 10, 5, 5, 2]
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        for number, size in enumerate(sizes):
            tasks.create_task(hold(number, size))
    assert (peak, served) == (10, list(range(len(sizes))))


@pytest.mark.parametrize("granted", [False, True])
async def test_who_stops_waiting_takes_nothing(granted):
    """A cancelled wait leaves the bytes to the next, also where they had just been granted."""
    budget = Budget(10)
    await budget.acquire(10)
    waiting = asyncio.create_task(budget.acquire(10))
    behind = asyncio.create_task(budget.acquire(6))
    await asyncio.sleep(0)
    if granted:
        budget.release(10)
    waiting.cancel()
    await asyncio.wait([waiting])
    if not granted:
        budget.release(10)
    async with asyncio.timeout(5):
        await behind
    budget.release(6)
    async with asyncio.timeout(5):
        await budget.acquire(10)


def test_checksums_have_azure_s_form():
    """MD5 is base64; CRC-64 is base64 with the least significant byte first."""
    parts = [b"1234", b"56789"]
    assert transfer_header("md5", parts) == {"content-md5": "JfnnlDI7RTiF9RgfG2JNCw=="}
    assert transfer_header("crc64", parts) == {"x-ms-content-crc64": "iJh5CoYUi64="}
