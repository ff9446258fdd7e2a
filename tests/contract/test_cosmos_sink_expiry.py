"""A DynamoDB item's expiry in Cosmos DB: carried from the first write on, counting from the cutover on."""

import pytest
from azure.cosmos import PartitionKey
from cosmos_account import CONTAINER, account, rows_of, scripted

from replicator.model.change import Change, Kind
from replicator.model.record import Item, digest


@pytest.fixture
async def cosmos(monkeypatch):
    """An account with an empty container, without a time to live."""
    async with account(monkeypatch) as opened:
        await opened.create()
        yield opened


def expiring(key, at):
    """A change of an item that expires at this time, in seconds since the epoch."""
    return Change(Kind.UPSERT, (key,), Item({"pk": {"S": key}, "expires_at": {"N": str(at)}}), 0.0)


async def document_of(cosmos, key):
    """The document as an application reads it."""
    return await cosmos.container.read_item(key, key)


async def test_documents_carry_the_seconds_left(cosmos):
    """Beside the exact attribute, which alone is read back: the ttl changes nothing of the record."""
    sink = await cosmos.connected(ttl_attribute="expires_at")
    server = scripted(cosmos)
    change = expiring("k", int(server.now()) + 1000)
    await sink.write([change])
    document = await document_of(cosmos, "k")
    assert 990 <= document["ttl"] <= 1001
    assert document["expires_at"] == int(change.record.attributes["expires_at"]["N"])
    (row,) = (await rows_of(sink)).values()
    assert digest(row.record) == digest(change.record)
    assert row.record == change.record


async def test_every_way_of_writing_carries_it(cosmos):
    """Inserts, conditional writes and batches as well; a later state without the attribute has none."""
    sink = await cosmos.connected(ttl_attribute="expires_at")
    at = int(scripted(cosmos).now()) + 1000
    await sink.insert([expiring("a", at)])
    await sink.write_if(expiring("b", at), None)
    assert "ttl" in await document_of(cosmos, "a")
    assert "ttl" in await document_of(cosmos, "b")
    await sink.write([Change(Kind.UPSERT, ("a",), Item({"pk": {"S": "a"}}), 0.0)])
    assert "ttl" not in await document_of(cosmos, "a")


async def test_nothing_expires_before_the_cutover_and_the_right_things_after(cosmos):
    """With the container's time to live off all stays; set to -1, what is due goes and the rest stays."""
    server = scripted(cosmos)
    sink = await cosmos.connected(ttl_attribute="expires_at")
    now = int(server.now())
    for key, at in (("due", now + 100), ("later", now + 10_000), ("never", now - 10 * 365 * 86400)):
        await sink.write([expiring(key, at)])
    server.advance_clock(200)
    assert len(await rows_of(sink)) == 3
    database = cosmos.client.get_database_client(cosmos.database)
    await database.replace_container(CONTAINER, PartitionKey("/pk"), default_ttl=-1)
    assert set(await rows_of(sink)) == {("later",), ("never",)}


async def test_without_the_setting_nothing_is_carried(cosmos):
    """An attribute named ttl is an attribute like any other, and Cosmos DB's own property is not there."""
    sink = await cosmos.connected()
    await sink.write([Change(Kind.UPSERT, ("k",), Item({"ttl": {"N": "1767225600"}}), 0.0)])
    document = await document_of(cosmos, "k")
    assert "ttl" not in document
    assert document["_ttl"] == 1767225600
