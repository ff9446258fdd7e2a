"""Splits of physical ranges at the Cosmos DB stand-in, as the real SDK lives through them."""

import httpx
import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError

from localcloud.cosmos import CosmosServer
from localcloud.cosmos.errors import RefusedError

COUNT = 120
EVERYTHING = "SELECT * FROM c"


@pytest.fixture
async def server():
    server = CosmosServer(ranges=2)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def filled(server):
    """A container of two ranges, and many items with partition keys of their own."""
    async with CosmosClient(server.endpoint, server.key) as client:
        database = await client.create_database("db")
        container = await database.create_container("items", PartitionKey("/pk"))
        for n in range(COUNT):
            await container.create_item({"id": f"i{n}", "pk": f"own-{n}"})
        yield container


def all_ids(extra=()):
    return sorted([*(f"i{n}" for n in range(COUNT)), *extra])


async def ids_of(pages):
    return sorted([item["id"] async for item in pages])


async def ranges_of(container, **options):
    return [each async for each in container.read_feed_ranges(**options)]


async def test_an_old_range_is_gone(filled, server):
    """A call that names it is refused with 410 and substatus 1002; the two that it became are served."""
    first, second = server.split("db", "items", "0")
    with pytest.raises(RefusedError) as refused:
        server.split("db", "items", "0")
    assert (refused.value.status, refused.value.substatus) == (410, 1002)
    assert {first, second}.isdisjoint({"0", "1"})
    assert len(await ranges_of(filled, force_refresh=True)) == 3


async def test_the_sdk_learns_of_a_split_by_itself(filled, server):
    """What the SDK remembers is refreshed by the 410: nothing is missing and nothing comes twice."""
    before = await ranges_of(filled)
    assert await ids_of(filled.query_items(EVERYTHING, feed_range=before[0]))
    for _ in range(3):
        server.split("db", "items")
    found = [await ids_of(filled.query_items(EVERYTHING, feed_range=each)) for each in before]
    assert sorted([*found[0], *found[1]]) == all_ids()
    assert server.counts["query 410"] > 0
    assert await ids_of(filled.read_all_items()) == all_ids()


async def test_point_operations_do_not_notice(filled, server):
    """Reads, writes and deletes by partition key go on, over one split and the next."""
    for n in range(10):
        server.split("db", "items")
        item = await filled.read_item(f"i{n}", f"own-{n}")
        await filled.replace_item(f"i{n}", {**item, "n": n})
        await filled.delete_item(f"i{COUNT - 1 - n}", f"own-{COUNT - 1 - n}")
    assert await ids_of(filled.read_all_items()) == sorted(f"i{n}" for n in range(COUNT - 10))


async def test_a_query_over_all_ranges_goes_on_over_a_split(filled, server):
    """The continuation of a query that names no range stays valid, too."""
    pages = filled.read_all_items(max_item_count=9).by_page()
    found = []
    async for page in pages:
        found += [item["id"] async for item in page]
        if len(found) in (18, 54):
            server.split("db", "items")
    assert sorted(found) == all_ids()


async def test_a_change_feed_goes_on_over_a_split(filled, server):
    """Its continuation shows what was written since, before and after the split, once."""
    for _ in range(2):
        feed = filled.query_items_change_feed(start_time="Beginning")
        assert await ids_of(feed) == all_ids()
        token = filled.client_connection.last_response_headers["etag"]
        await filled.upsert_item({"id": "before", "pk": "b"})
        server.split("db", "items")
        await filled.upsert_item({"id": "after", "pk": "a"})
        assert await ids_of(filled.query_items_change_feed(continuation=token)) == ["after", "before"]
        for name in ("after", "before"):
            await filled.delete_item(name, name[0])


async def test_a_process_splits_over_its_control_path(filled, server):
    """A test of another process asks for it; a range that is not there is refused."""
    async with httpx.AsyncClient(base_url=server.endpoint) as client:
        asked = {"database": "db", "container": "items", "range": "1"}
        answer = await client.post("/_local/split", json=asked)
        assert answer.json() == ["2", "3"]
        assert (await client.post("/_local/split", json=asked)).status_code == 410
        assert (await client.post("/_local/split", json={"database": "db"})).status_code == 400


async def test_a_range_of_one_logical_partition_cannot_be_split(server):
    """A logical partition is never cut."""
    async with CosmosClient(server.endpoint, server.key) as client:
        database = await client.create_database("db")
        container = await database.create_container("items", PartitionKey("/pk"))
        await container.create_item({"id": "1", "pk": "one"})
        with pytest.raises(RefusedError, match="nothing that could be cut"):
            server.split("db", "items")
        with pytest.raises(CosmosHttpResponseError):
            await container.read_item("2", "one")
