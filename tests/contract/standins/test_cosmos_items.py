"""The Cosmos DB stand-in, asked by the real SDK: items, batches, numbers, limits and expiry."""

import json

import pytest
from azure.core import MatchConditions
from azure.cosmos import PartitionKey
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosBatchOperationError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

SYSTEM_FIELDS = {"_rid", "_self", "_etag", "_ts", "_attachments"}


async def test_an_item_comes_back_with_its_system_fields(container):
    """A created item is read back whole, with the fields that the service adds."""
    item = {"id": "a", "pk": "x", "nested": {"list": [1, "zwei", None, True]}, "text": "ünï😀\n"}
    created = await container.create_item(item)
    read = await container.read_item("a", "x")
    assert dict(read) == dict(created)
    assert {name: read[name] for name in read.keys() - SYSTEM_FIELDS} == item
    assert read.keys() >= SYSTEM_FIELDS
    assert read.get_response_headers()["etag"] == read["_etag"]


async def test_creating_twice_is_a_conflict_and_upserting_is_not(container):
    """A second create is a 409 and changes nothing; an upsert replaces and keeps the _rid."""
    first = await container.create_item({"id": "a", "pk": "x", "v": 1})
    with pytest.raises(CosmosResourceExistsError):
        await container.create_item({"id": "a", "pk": "x", "v": 2})
    second = await container.upsert_item({"id": "a", "pk": "x", "v": 3})
    assert (second["v"], second["_rid"]) == (3, first["_rid"])
    assert second["_etag"] != first["_etag"]


async def test_one_id_lives_once_in_each_logical_partition(container):
    """Items of one id under different partition keys, whatever their types, are different items."""
    keys = ["1", 1, True, None, 1.5, ""]
    for key in keys:
        await container.create_item({"id": "a", "pk": key, "v": repr(key)})
    for key in keys[:3] + keys[4:]:
        assert (await container.read_item("a", key))["v"] == repr(key)


async def test_missing_items_are_404(container):
    """Reading, replacing and deleting what is not there is a 404."""
    for attempt in (
        container.read_item("a", "x"),
        container.replace_item("a", {"id": "a", "pk": "x"}),
        container.delete_item("a", "x"),
    ):
        with pytest.raises(CosmosResourceNotFoundError):
            await attempt


async def test_a_stale_etag_is_refused(container):
    """If-Match with an older ETag is a 412 for replace, upsert and delete, and changes nothing."""
    old = await container.create_item({"id": "a", "pk": "x", "v": 1})
    new = await container.upsert_item({"id": "a", "pk": "x", "v": 2})
    stale = {"etag": old["_etag"], "match_condition": MatchConditions.IfNotModified}
    for attempt in (
        container.replace_item("a", {"id": "a", "pk": "x", "v": 3}, **stale),
        container.upsert_item({"id": "a", "pk": "x", "v": 3}, **stale),
        container.delete_item("a", "x", **stale),
    ):
        with pytest.raises(CosmosAccessConditionFailedError):
            await attempt
    fresh = {"etag": new["_etag"], "match_condition": MatchConditions.IfNotModified}
    assert (await container.replace_item("a", {"id": "a", "pk": "x", "v": 3}, **fresh))["v"] == 3


async def test_an_upsert_of_a_missing_item_ignores_its_etag(container):
    """As at the service, If-Match does not keep an upsert from creating what was deleted."""
    old = await container.create_item({"id": "a", "pk": "x"})
    await container.delete_item("a", "x")
    condition = {"etag": old["_etag"], "match_condition": MatchConditions.IfNotModified}
    assert (await container.upsert_item({"id": "a", "pk": "x", "v": 2}, **condition))["v"] == 2


async def test_a_read_of_what_the_caller_has_is_304(container, server):
    """If-None-Match with the present ETag is answered 304, without a body."""
    item = await container.create_item({"id": "a", "pk": "x"})
    condition = {"etag": item["_etag"], "match_condition": MatchConditions.IfModified}
    assert not await container.read_item("a", "x", **condition)
    assert server.counts["read 304"] == 1


async def test_an_items_key_has_to_be_the_calls_key(container):
    """Replacing into another logical partition is a 404, and a batch of one key refuses another's item."""
    await container.create_item({"id": "a", "pk": "x"})
    with pytest.raises(CosmosResourceNotFoundError):
        await container.replace_item("a", {"id": "a", "pk": "y"})
    with pytest.raises(CosmosBatchOperationError) as caught:
        await container.execute_item_batch([("create", ({"id": "b", "pk": "y"},))], "x")
    assert caught.value.status_code == 400


@pytest.mark.parametrize(
    "identifier", ["a b", "ü😀", "100%", "a+b", "a&b=c;d", "...", "%2F", "'\"", "x" * 1023]
)
async def test_odd_ids_survive_their_way_through_the_path(container, identifier):
    """An id with characters that a path has to escape is written, read and deleted."""
    await container.create_item({"id": identifier, "pk": "x"})
    assert (await container.read_item(identifier, "x"))["id"] == identifier
    await container.delete_item(identifier, "x")


async def test_a_dot_segment_as_an_id_never_reaches_another_resource(container, server):
    """The id `..` is folded out of the path by aiohttp: the signature fails and nothing is deleted."""
    await container.create_item({"id": "..", "pk": "x"})
    with pytest.raises(CosmosHttpResponseError) as caught:
        await container.delete_item("..", "x")
    assert caught.value.status_code == 401
    assert [item["id"] async for item in container.read_all_items()] == [".."]


@pytest.mark.parametrize("identifier", ["x" * 1024, "ü" * 512, "a/b", "a\\b", "", 7])
async def test_illegal_ids_are_refused(container, server, identifier):
    """Ids beyond 1,023 bytes, empty, no strings, or with a slash or backslash are a 400."""
    operations = [("upsert", ({"id": identifier, "pk": "x"},))]
    with pytest.raises(CosmosBatchOperationError) as caught:
        await container.execute_item_batch(operations, "x")
    assert caught.value.status_code == 400


async def test_long_partition_keys_are_refused(container):
    """A partition key value may have 2,048 bytes and no more."""
    await container.create_item({"id": "a", "pk": "k" * 2048})
    with pytest.raises(CosmosHttpResponseError) as caught:
        await container.create_item({"id": "a", "pk": "k" * 2049})
    assert caught.value.status_code == 400


async def test_items_beyond_two_megabytes_are_refused(container):
    """2 MB of JSON fit and a little more is a 413."""
    frame = len(json.dumps({"id": "a", "pk": "x", "v": ""}, separators=(",", ":")))
    text = "v" * (2 * 1024 * 1024 - frame)
    await container.create_item({"id": "a", "pk": "x", "v": text})
    with pytest.raises(CosmosHttpResponseError) as caught:
        await container.create_item({"id": "b", "pk": "x", "v": text + "v"})
    assert caught.value.status_code == 413


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (2**53 + 1, 2**53),
        (-(2**63) + 1, -(2**63)),
        (10**25, 1e25),
        (1.0, 1),
        (0.1, 0.1),
        (5e-324, 5e-324),
        (1e300, 1e300),
        (-0.0, 0),
        (12345678901234567890, 12345678901234567168),
    ],
)
async def test_numbers_are_doubles(container, sent, kept):
    """A number comes back as the double nearest to it, in items, arrays and batches alike."""
    created = await container.create_item({"id": "a", "pk": "x", "v": sent, "deep": [{"v": sent}]})
    assert created["v"] == kept
    assert type(created["v"]) is type(kept) or abs(kept) >= 2**63
    assert created["deep"] == [{"v": kept}]
    results = await container.execute_item_batch([("upsert", ({"id": "b", "pk": "x", "v": sent},))], "x")
    assert results[0]["resourceBody"]["v"] == kept


async def test_nan_is_no_json(container):
    """The SDK sends NaN as it is, and the service refuses it."""
    with pytest.raises(CosmosHttpResponseError) as caught:
        await container.create_item({"id": "a", "pk": "x", "v": float("nan")})
    assert caught.value.status_code == 400


async def test_deep_nesting_is_refused(container):
    """Arrays 127 levels below the item fit, one more is a 400."""
    deep: list = []
    for _ in range(126):
        deep = [deep]
    await container.create_item({"id": "a", "pk": "x", "v": deep})
    with pytest.raises(CosmosHttpResponseError) as caught:
        await container.create_item({"id": "b", "pk": "x", "v": [deep]})
    assert caught.value.status_code == 400


async def test_a_batch_does_all_its_operations_in_order(container):
    """Every kind of operation works in a batch, each seeing what the ones before it did."""
    await container.create_item({"id": "old", "pk": "x", "v": 1})
    operations = [
        ("create", ({"id": "a", "pk": "x", "v": 1},)),
        ("upsert", ({"id": "a", "pk": "x", "v": 2},)),
        ("replace", ("a", {"id": "a", "pk": "x", "v": 3})),
        ("read", ("a",)),
        ("delete", ("old",)),
        ("create", ({"id": "old", "pk": "x", "v": 9},)),
    ]
    results = await container.execute_item_batch(operations, "x")
    assert [result["statusCode"] for result in results] == [201, 200, 200, 200, 204, 201]
    assert results[3]["resourceBody"]["v"] == 3
    assert (await container.read_item("old", "x"))["v"] == 9


async def test_a_batch_that_fails_leaves_nothing(container):
    """One operation's failure is named at its place, the others get 424, and nothing is kept."""
    taken = await container.create_item({"id": "taken", "pk": "x"})
    operations = [
        ("upsert", ({"id": "a", "pk": "x"},)),
        ("delete", ("taken",)),
        ("create", ({"id": "a", "pk": "x"},)),
        ("upsert", ({"id": "b", "pk": "x"},)),
    ]
    with pytest.raises(CosmosBatchOperationError) as caught:
        await container.execute_item_batch(operations, "x")
    assert [one["statusCode"] for one in caught.value.operation_responses] == [424, 424, 409, 424]
    assert [item["_etag"] async for item in container.read_all_items()] == [taken["_etag"]]


async def test_a_batch_checks_the_etag_of_each_operation(container):
    """A stale If-Match in a batch is a 412 at its place."""
    await container.create_item({"id": "a", "pk": "x"})
    replace = ("replace", ("a", {"id": "a", "pk": "x"}), {"if_match_etag": '"stale"'})
    with pytest.raises(CosmosBatchOperationError) as caught:
        await container.execute_item_batch([("upsert", ({"id": "b", "pk": "x"},)), replace], "x")
    assert (caught.value.status_code, caught.value.error_index) == (412, 1)


async def test_a_batch_has_its_limits(container):
    """More than 100 operations are a 400, and more than 2 MB a 413."""
    many = [("upsert", ({"id": str(n), "pk": "x"},)) for n in range(101)]
    large = [("upsert", ({"id": str(n), "pk": "x", "v": "v" * 1_100_000},)) for n in range(2)]
    for operations, status in ((many, 400), (large, 413)):
        with pytest.raises(CosmosHttpResponseError) as caught:
            await container.execute_item_batch(operations, "x")
        assert caught.value.status_code == status
    assert len(await container.execute_item_batch(many[:100], "x")) == 100


async def test_a_write_can_go_without_its_payload(container):
    """With no_response a write answers without a body but with its ETag."""
    created = await container.upsert_item({"id": "a", "pk": "x"}, no_response=True)
    assert not created
    read = await container.read_item("a", "x")
    assert created.get_response_headers()["etag"] == read["_etag"]


async def test_ttl_is_ignored_until_the_container_turns_it_on(database, container, server):
    """Items keep their ttl unharmed while the container's TTL is off, and expire once it is -1."""
    await container.create_item({"id": "short", "pk": "x", "ttl": 10})
    await container.create_item({"id": "plain", "pk": "x"})
    server.advance_clock(60)
    assert (await container.read_item("short", "x"))["ttl"] == 10
    await database.replace_container("items", PartitionKey("/pk"), default_ttl=-1)
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("short", "x")
    assert [item["id"] async for item in container.read_all_items()] == ["plain"]


async def test_a_default_ttl_counts_from_the_last_write(database, server):
    """Every write extends an item's life, ttl -1 is for ever, and an expired id is free again."""
    container = await database.create_container("brief", PartitionKey("/pk"), default_ttl=100)
    for name in ("kept", "gone"):
        await container.create_item({"id": name, "pk": "x"})
    await container.create_item({"id": "ever", "pk": "x", "ttl": -1})
    server.advance_clock(60)
    await container.upsert_item({"id": "kept", "pk": "x"})
    server.advance_clock(60)
    assert {item["id"] async for item in container.read_all_items()} == {"kept", "ever"}
    await container.create_item({"id": "gone", "pk": "x", "v": 2})
    assert (await container.read_item("gone", "x"))["v"] == 2


@pytest.mark.parametrize("ttl", [0, -2, 1.5, "10", 2**31, True])
async def test_an_illegal_ttl_is_refused(container, ttl):
    """A ttl is -1 or a positive 32-bit integer."""
    with pytest.raises(CosmosHttpResponseError) as caught:
        await container.create_item({"id": "a", "pk": "x", "ttl": ttl})
    assert caught.value.status_code == 400


async def test_charges_are_of_the_documented_magnitude(container):
    """A read of 1 KB costs about 1 RU, a write several times that, and more for larger items."""
    small = await container.create_item({"id": "a", "pk": "x", "v": "v" * 600})
    large = await container.create_item({"id": "b", "pk": "x", "v": "v" * 60_000})
    read = await container.read_item("a", "x")
    charges = [float(one.get_response_headers()["x-ms-request-charge"]) for one in (read, small, large)]
    assert 1 <= charges[0] < 2
    assert 5 <= charges[1] < 15
    assert charges[2] > 20 * charges[1]
