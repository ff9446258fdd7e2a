"""The simulator's store keeps the promises that the real ones keep."""

import pytest

from replicator.testing.disk import Disk, InMemoryStore
from replicator.testing.store_contract import CHECKS, Check


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_in_memory(check: Check):
    """The store in memory keeps this promise."""
    disk = Disk()

    async def open_store():
        return InMemoryStore(disk)

    await check(open_store)
