"""Hierarchical partition keys of the Cosmos DB stand-in, asked by the real SDK."""

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.exceptions import (
    CosmosBatchOperationError,
    CosmosHttpResponseError,
    CosmosResourceNotFoundError,
)
from hypothesis import given
from hypothesis import strategies as st

from localcloud.cosmos.epk import effective_partition_key

KEY = PartitionKey(["/tenant", "/user", "/id"])
parts = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.booleans(), st.none())


@pytest.fixture
async def container(database):
    """A container with three levels."""
    return await database.create_container("items", KEY)


def item(tenant, user, identity, **more):
    """An item with a full key."""
    return {"tenant": tenant, "user": user, "id": identity} | more


@given(st.lists(parts, min_size=1, max_size=3))
def test_a_key_lies_where_the_sdk_looks_for_it(key):
    """The effective partition key is that of the SDK, of a whole key as of a prefix."""
    ours = b"".join(effective_partition_key(part, 2) for part in key).hex().upper()
    assert KEY._get_effective_partition_key_string(key) == ours


async def test_items_are_found_by_their_whole_key(container):
    """Create, read, replace, upsert and delete take all levels; one id may live under many."""
    for user in ("a", "b"):
        await container.create_item(item("t", user, "1", v=user))
    await container.upsert_item(item("t", "a", "1", v="again"))
    assert (await container.read_item("1", ["t", "a", "1"]))["v"] == "again"
    await container.replace_item("1", item("t", "b", "1", v="new"))
    assert (await container.read_item("1", ["t", "b", "1"]))["v"] == "new"
    await container.delete_item("1", ["t", "a", "1"])
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("1", ["t", "a", "1"])
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("1", ["t", "a", "2"])


async def test_read_many_finds_items_of_many_partitions(container):
    """The SDK's read-many routes each key by its hash; what is absent is left out."""
    wanted = [(str(n), [f"t{n % 3}", f"u{n}", str(n)]) for n in range(30)]
    for identity, (tenant, user, _) in wanted[::2]:
        await container.create_item(item(tenant, user, identity))
    found = await container.read_items(wanted)
    assert {each["id"] for each in found} == {identity for identity, _ in wanted[::2]}


async def test_a_prefix_queries_what_lies_under_it(container):
    """One level, or two, choose exactly the items below; the whole key chooses one."""
    for tenant in ("t1", "t2"):
        for user in ("a", "b"):
            for number in range(5):
                await container.create_item(item(tenant, user, str(number)))

    async def count(key):
        return len([each async for each in container.query_items("SELECT * FROM c", partition_key=key)])

    assert [await count(key) for key in (["t1"], ["t1", "a"], ["t1", "a", "3"], ["none"])] == [10, 5, 1, 0]


async def test_a_batch_is_of_one_whole_key(container):
    """A batch applies to one logical partition, and refuses an item of another."""
    key = ["t", "u", "1"]
    await container.execute_item_batch([("upsert", (item(*key),)), ("delete", ("1",))], key)
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("1", key)
    with pytest.raises(CosmosBatchOperationError):
        await container.execute_item_batch([("create", (item("t", "u", "2"),))], key)


async def test_parts_of_a_key_are_told_apart(container):
    """The same characters cut at another place are another key."""
    await container.create_item(item("ab", "c", "1", v="ab"))
    await container.create_item(item("a", "bc", "1", v="a"))
    assert (await container.read_item("1", ["ab", "c", "1"]))["v"] == "ab"
    assert (await container.read_item("1", ["a", "bc", "1"]))["v"] == "a"


@pytest.mark.parametrize("size", [2048, 2049])
async def test_a_whole_key_has_2_kb(container, size):
    """All levels together are held to the limit of a partition key value."""
    creating = container.create_item(item("x" * (size - 3), "u", "12"))
    if size <= 2048:
        await creating
        return
    with pytest.raises(CosmosHttpResponseError, match="longer than 2048 bytes"):
        await creating


@pytest.mark.parametrize(
    "definition",
    [
        {"paths": ["/a", "/b", "/c", "/d"], "kind": "MultiHash", "version": 2},
        {"paths": ["/a", "/b"], "kind": "Hash", "version": 2},
        {"paths": ["/a", "/b"], "kind": "MultiHash", "version": 1},
        {"paths": [], "kind": "MultiHash", "version": 2},
        {"paths": ["/a"], "kind": "Range", "version": 2},
    ],
)
async def test_what_no_partition_key_can_be_is_refused(database, definition):
    """More than three levels, or levels of another kind or version, are a 400."""
    key = PartitionKey(["/a", "/b"])
    key.update(definition)
    with pytest.raises(CosmosHttpResponseError) as caught:
        await database.create_container("other", key)
    assert caught.value.status_code == 400
