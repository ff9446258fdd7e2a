"""The Cosmos DB sink into a container whose partition key is hierarchical: /pk, /id."""

from decimal import Decimal

import pytest
from cosmos_account import account, delete, rows_of, scripted, upsert

from connectors.cosmos.keys import HIERARCHICAL_PATHS
from localcloud.cosmos import Fault
from replicator.model.errors import BatchError, TransientError
from replicator.model.record import Item

LONG = ("h" * 1026, "r" * 1024)


@pytest.fixture
async def cosmos(monkeypatch):
    """An account with an empty container of two levels."""
    async with account(monkeypatch) as opened:
        await opened.create(list(HIERARCHICAL_PATHS))
        yield opened


@pytest.fixture
async def sink(cosmos):
    """A connected sink into the container."""
    return await cosmos.connected(partition_key_paths=HIERARCHICAL_PATHS)


def texts(rows):
    """One text attribute of every row, by key."""
    return {key: row.record.attributes["v"]["S"] for key, row in rows.items()}


async def test_a_call_may_hold_many_documents_of_one_hash_part(cosmos, sink):
    """Each is a logical partition of its own, so they are written by single calls; none is lost."""
    assert sink.group(("h", "a")) == sink.group(("h", "b"))
    assert sink.group(("h", "a")) != sink.group(("g", "a"))
    await sink.write([upsert("h", str(number), v="1") for number in range(0, 100, 2)])
    changes = [upsert("h", str(n), v="2") if n % 3 else delete("h", str(n)) for n in range(100)]
    for _ in range(2):
        await sink.write(changes)
        assert texts(await rows_of(sink)) == {("h", str(n)): "2" for n in range(100) if n % 3}
    assert not [name for name in scripted(cosmos).counts if name.startswith("batch")]


async def test_keys_are_written_read_scanned_and_deleted(sink):
    """Whatever their parts and length, by every call that names them."""
    keys = [("a",), ("a", "a"), ("a", "b"), ("b", "a"), (Decimal(1), b"\x00"), ("../x", ".."), LONG]
    keys += [("h" * 1025, "r" * 1023), ("é" * 1024, "/" * 340)]
    for key in keys:
        await sink.write([upsert(*key, v=str(key))])
    expected = {key: str(key) for key in keys}
    assert texts(await rows_of(sink)) == expected
    assert texts(await sink.fetch([*keys, ("none", "none")])) == expected
    for key in keys:
        row = (await sink.fetch([key]))[key]
        assert await sink.write_if(upsert(*key, v="again"), row.etag)
        assert not await sink.write_if(upsert(*key, v="late"), row.etag)
        await sink.write([delete(*key)])
        await sink.write([delete(*key)])
    assert await sink.is_empty()


async def test_inserting_leaves_what_is_present(sink):
    """A key that is present keeps its record, and its neighbours are written."""
    await sink.insert([upsert("h", "a", v="1")])
    await sink.insert([upsert("h", "a", v="2"), upsert("h", "b", v="2")])
    assert texts(await rows_of(sink)) == {("h", "a"): "1", ("h", "b"): "2"}


async def test_a_hash_part_is_queried_as_a_prefix(cosmos, sink):
    """The application reads all documents of one hash part, and one by its whole key."""
    for key in (("h", "a"), ("h", "b"), ("g", "a")):
        await sink.write([upsert(*key, v="1")])
    found = [each async for each in cosmos.container.query_items("SELECT * FROM c", partition_key=["h"])]
    assert {each["id"] for each in found} == {"a", "b"}
    assert (await cosmos.container.read_item("a", ["g", "a"]))["pk"] == "g"


async def test_a_refused_document_is_named(sink):
    """An item that is too large fails alone."""
    huge = upsert("h", "huge", v="\x01" * 390_000)
    with pytest.raises(BatchError) as caught:
        await sink.write([huge, upsert("h", "x" * 2000, v="\x01" * 390_000), upsert("h", "b", v="1")])
    assert set(caught.value.failures) == {("h", "huge"), ("h", "x" * 2000)}
    assert texts(await rows_of(sink)) == {("h", "b"): "1"}


async def test_items_come_back_whole(sink):
    """A document that is read from a container of two levels says its key, hashed or not."""
    for key in (LONG, ("h", "r")):
        change = upsert(*key, id="mine", pk="mine")
        await sink.write([change])
        assert (await sink.fetch([key]))[key].record == Item({"id": {"S": "mine"}, "pk": {"S": "mine"}})


async def test_a_throttled_document_is_named_and_its_neighbours_are_durable(cosmos, sink):
    """Of single calls made at once one may be refused: it alone failed, settled, and can be repeated."""
    changes = [upsert("h", str(number), v="1") for number in range(10)]
    scripted(cosmos).add_fault(Fault(operation="upsert", status=429, substatus=3200, count=1))
    with pytest.raises(BatchError) as caught:
        await sink.write(changes)
    ((key, error),) = caught.value.failures.items()
    assert (type(error), error.settled, error.reason) == (TransientError, True, "throttled")
    assert set(texts(await rows_of(sink))) == {change.key for change in changes} - {key}
    await sink.write([change for change in changes if change.key == key])
    assert len(await rows_of(sink)) == 10
