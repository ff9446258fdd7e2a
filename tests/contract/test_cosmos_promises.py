"""The Cosmos DB sink keeps every promise that sinks are held to."""

import pytest
from cosmos_account import account

from replicator.model.change import Change, Kind
from replicator.model.record import Item
from replicator.testing.sink_contract import CHECKS, SinkHarness


def refused(key):
    """A change of an item larger than a document may be (2 MB)."""
    return Change(Kind.UPSERT, key, Item({"large": {"S": "x" * 2_500_000}}), 0.0)


@pytest.mark.parametrize("paths", [["/pk"], ["/pk", "/id"]], ids=["flat", "hierarchical"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_cosmos(check, paths, monkeypatch):
    """The sink keeps this promise over the real SDK, with either partition key."""
    async with account(monkeypatch) as opened:
        await opened.create(paths if len(paths) > 1 else paths[0])

        async def open_sink():
            return opened.sink(partition_key_paths=paths)

        await check(SinkHarness(open_sink, refused))
