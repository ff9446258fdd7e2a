"""The Cosmos DB stand-in, asked by the real SDK: queries, feeds and physical ranges."""

from datetime import UTC, datetime
from itertools import chain

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.exceptions import CosmosHttpResponseError

from localcloud.cosmos.epk import effective_partition_key

COUNT = 60
EVERYTHING = "SELECT * FROM c"


@pytest.fixture
async def filled(container):
    """Sixty items: one half in one logical partition, the others each in one of its own."""
    shared = [("upsert", (make_item(n, "shared"),)) for n in range(COUNT // 2)]
    await container.execute_item_batch(shared, "shared")
    for n in range(COUNT // 2, COUNT):
        await container.create_item(make_item(n, f"own-{n}"))
    return container


def make_item(n, key):
    return {"id": f"i{n}", "pk": key, "n": n, "kind": "even" if n % 2 == 0 else "odd", "deep": {"n": [n]}}


async def collect(pages):
    return [item async for item in pages]


async def ids_of(pages):
    return sorted([item["id"] async for item in pages])


def all_ids(numbers=range(COUNT)):
    return sorted(f"i{n}" for n in numbers)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    "value", ["", "a", "ü😀", "x" * 31, "x" * 32, "y" * 90, None, True, False, 0, -1, 1.5, 2**60]
)
def test_keys_hash_as_in_the_sdk(value, version):
    """Our effective partition key is the SDK's, for every kind of value and both versions."""
    sdk = PartitionKey("/pk", version=version)._get_epk_range_for_partition_key(value)
    assert effective_partition_key(value, version) == bytes.fromhex(sdk.min)


async def test_items_spread_over_all_ranges(filled):
    """Many partition keys fill every physical range, and the ranges together hold each item once."""
    ranges = [feed_range async for feed_range in filled.read_feed_ranges()]
    parts = [await ids_of(filled.query_items(EVERYTHING, feed_range=one)) for one in ranges]
    assert len(ranges) == 4
    assert all(parts)
    assert sorted(chain.from_iterable(parts)) == all_ids()


async def test_a_version_1_container_routes_too(database):
    """A container whose partition key definition has no version, as other tools make them, works."""
    container = await database.create_container("old", PartitionKey("/pk", version=1))
    for n in range(20):
        await container.create_item({"id": str(n), "pk": f"k{n}"})
    ranges = [feed_range async for feed_range in container.read_feed_ranges()]
    sizes = [len(await collect(container.query_items(EVERYTHING, feed_range=one))) for one in ranges]
    assert sum(sizes) == 20
    assert sum(size > 0 for size in sizes) > 1


@pytest.mark.parametrize("page_size", [1, 7, 1000])
async def test_pages_hold_every_item_once(filled, page_size):
    """Reading all items and querying them, in pages of any size, gives each exactly once."""
    assert await ids_of(filled.read_all_items(max_item_count=page_size)) == all_ids()
    everything = filled.query_items(EVERYTHING, max_item_count=page_size)
    assert await ids_of(everything) == all_ids()
    shared = filled.query_items(EVERYTHING, partition_key="shared", max_item_count=page_size)
    assert await ids_of(shared) == all_ids(range(30))


async def test_a_query_goes_on_from_its_continuation(filled):
    """A continuation token resumes a query in another iteration, across writes in between."""
    query = filled.query_items(EVERYTHING, partition_key="shared", max_item_count=10).by_page()
    first = [item["id"] async for item in await anext(query)]
    await filled.upsert_item(make_item(3, "shared"))
    rest = filled.query_items(EVERYTHING, partition_key="shared").by_page(query.continuation_token)
    later = [item["id"] async for page in rest async for item in page]
    assert sorted(first + later) == all_ids(range(30))
    assert len(first) == 10


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ("c.n = 7", [7]),
        ("c['n'] = @n", [8]),
        ("c.deep.n[0] = @n", [8]),
        ("c.n >= 5 AND c.n < @n", [5, 6, 7]),
        ("c.n <= 1 OR c.n > 58", [0, 1, 59]),
        ("(c.n = 1 OR c.n = 2) AND c.kind = 'odd'", [1]),
        ("c.n IN (1, @n, 'x')", [1, 8]),
        ("c.id IN ('i1', 'i2', 'nope')", [1, 2]),
        ("ARRAY_CONTAINS(@ids, c.id)", [3, 40]),
        ("ARRAY_CONTAINS(c.deep.n, 9)", [9]),
        ("STARTSWITH(c.id, 'i5')", [5, *range(50, 60)]),
        ("IS_DEFINED(c.missing) = false AND c.n = 4", [4]),
        ("c.id = 'i7' AND c.id = 'i8'", []),
        ("c.n = '7' OR c.missing = null OR c.n > 'a'", []),
        ("false", []),
        ("true", range(COUNT)),
    ],
)
async def test_conditions_choose(filled, condition, numbers):
    """Each condition that is spoken chooses exactly its items, over all ranges."""
    parameters = [{"name": "@n", "value": 8}, {"name": "@ids", "value": ["i3", "i40", "i99"]}]
    query = f"{EVERYTHING} WHERE {condition}"
    assert await ids_of(filled.query_items(query, parameters=parameters)) == all_ids(numbers)


async def test_selections_project(filled):
    """Named properties, aliases, values and whole items are selected; missing ones are left out."""
    only = {"partition_key": "shared"}
    query = "SELECT c.id, c.n AS number, c.missing FROM c WHERE c.n = 3"
    assert await collect(filled.query_items(query, **only)) == [{"id": "i3", "number": 3}]
    query = "SELECT VALUE r.deep FROM root r WHERE r.n = 3"
    assert await collect(filled.query_items(query, **only)) == [{"n": [3]}]
    query = "SELECT c.id, c._etag FROM c WHERE c.id = 'i3'"
    stored = await filled.read_item("i3", "shared")
    assert await collect(filled.query_items(query, **only)) == [{"id": "i3", "_etag": stored["_etag"]}]


async def test_numbers_in_a_query_are_doubles(container):
    """A number beyond 2**53 finds the item that was written with it: both are the same double."""
    await container.create_item({"id": "a", "pk": "x", "n": 2**53 + 1})
    for value in (2**53, 2**53 + 1, float(2**53)):
        parameters = [{"name": "@n", "value": value}]
        found = container.query_items("SELECT * FROM c WHERE c.n = @n", parameters=parameters)
        assert await ids_of(found) == ["a"]
    found = container.query_items("SELECT * FROM c WHERE c.n = 9007199254740993")
    assert await ids_of(found) == ["a"]


@pytest.mark.parametrize("scope", [{}, {"partition_key": "shared"}])
async def test_counts_tops_and_orders(filled, scope):
    """COUNT, TOP, ORDER BY and OFFSET LIMIT work in one partition and, through a plan, over all."""
    last = 30 if scope else COUNT
    assert await collect(filled.query_items("SELECT VALUE COUNT(1) FROM c", **scope)) == [last]
    odd = "SELECT VALUE COUNT(1) FROM c WHERE c.kind = 'odd'"
    assert await collect(filled.query_items(odd, **scope)) == [last // 2]
    assert len(await collect(filled.query_items("SELECT TOP 5 * FROM c", **scope, max_item_count=2))) == 5
    down = "SELECT VALUE c.n FROM c ORDER BY c.n DESC"
    assert await collect(filled.query_items(down, **scope, max_item_count=7)) == list(range(last))[::-1]
    up = "SELECT c.n FROM c WHERE c.n > 2 ORDER BY c.n OFFSET 2 LIMIT 3"
    assert await collect(filled.query_items(up, **scope)) == [{"n": 5}, {"n": 6}, {"n": 7}]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM c WHERE c.n != 1",
        "SELECT * FROM c WHERE NOT c.n = 1",
        "SELECT * FROM c JOIN t IN c.tags",
        "SELECT DISTINCT c.kind FROM c",
        "SELECT c.kind, COUNT(1) FROM c GROUP BY c.kind",
        "SELECT VALUE SUM(c.n) FROM c",
        "SELECT * FROM c WHERE c.n + 1 = 2",
        "SELECT * FROM c WHERE LOWER(c.id) = 'a'",
        "SELECT * FROM c WHERE c.n = @missing",
        "SELECT * FROM c WHERE c.n = 1 AND",
        "DELETE FROM c",
        "SELECT * FROM c; DROP",
        "SELECT TOP 1 VALUE COUNT(1) FROM c",
        "SELECT * FROM c ORDER BY c.kind, c.n",
        "SELECT c.n, c.deep.n FROM c",
        "SELECT * FROM c WHERE c[",
        "SELECT * FROM c WHERE c.n IN (1",
        "SELECT",
    ],
)
async def test_a_query_that_is_not_spoken_is_refused(filled, query):
    """What this stand-in does not understand is a 400, never a guess."""
    for scope in ({}, {"partition_key": "shared"}):
        with pytest.raises(CosmosHttpResponseError) as caught:
            await collect(filled.query_items(query, **scope))
        assert caught.value.status_code == 400


async def test_many_items_are_read_at_once(filled):
    """read_items finds what is there, in and across logical partitions, and skips what is not."""
    pairs = [(f"i{n}", "shared" if n < 30 else f"own-{n}") for n in range(COUNT)]
    found = await filled.read_items([*pairs, ("i1", "own-40"), ("nope", "shared")])
    assert sorted(item["id"] for item in found) == all_ids()


async def test_the_change_feed_shows_each_items_last_state(filled):
    """From the beginning: every item once, in its last state, without the deleted ones."""
    await filled.upsert_item({**make_item(3, "shared"), "n": 300})
    await filled.delete_item("i4", "shared")
    changes = await collect(filled.query_items_change_feed(start_time="Beginning", max_item_count=9))
    assert sorted(item["n"] for item in changes) == sorted({*range(COUNT), 300} - {3, 4})
    assert all("_lsn" in item for item in changes)


async def test_the_change_feed_goes_on_from_its_continuation(filled):
    """A continuation shows what was written after it, and nothing when nothing was."""
    feed = filled.query_items_change_feed(start_time="Beginning")
    assert len(await collect(feed)) == COUNT
    continuation = filled.client_connection.last_response_headers["etag"]
    assert await collect(filled.query_items_change_feed(continuation=continuation)) == []
    await filled.create_item(make_item(100, "new"))
    changes = await collect(filled.query_items_change_feed(continuation=continuation))
    assert [item["id"] for item in changes] == ["i100"]


async def test_the_change_feed_can_start_now(filled):
    """From now on, only later writes show."""
    ranges = [feed_range async for feed_range in filled.read_feed_ranges()]
    tokens = []
    for feed_range in ranges:
        assert await collect(filled.query_items_change_feed(start_time="Now", feed_range=feed_range)) == []
        tokens.append(filled.client_connection.last_response_headers["etag"])
    await filled.upsert_item(make_item(3, "shared"))
    found = [await collect(filled.query_items_change_feed(continuation=token)) for token in tokens]
    assert [item["id"] for item in chain.from_iterable(found)] == ["i3"]


async def test_the_change_feed_can_start_at_a_time(filled, server):
    """From a time on, items last written before it do not show."""
    server.advance_clock(100)
    start = datetime.fromtimestamp(int(server.now()), UTC)
    await filled.upsert_item(make_item(3, "shared"))
    await filled.create_item(make_item(100, "new"))
    changes = filled.query_items_change_feed(start_time=start)
    assert await ids_of(changes) == ["i100", "i3"]


async def test_the_change_feed_of_one_partition_key(filled):
    """A feed of one partition key shows that key's items only."""
    changes = filled.query_items_change_feed(partition_key="shared", start_time="Beginning")
    assert await ids_of(changes) == all_ids(range(30))


async def test_a_page_of_the_change_feed_never_cuts_a_batch(filled):
    """The thirty items of one batch come on one page, however small the page was asked to be."""
    feed = filled.query_items_change_feed(
        partition_key="shared", start_time="Beginning", max_item_count=5
    ).by_page()
    first = [item async for item in await anext(feed)]
    assert len(first) == 30
    assert len({item["_lsn"] for item in first}) == 1


async def test_the_change_feed_survives_many_rewrites(container):
    """Writing a few items again and again leaves a feed of just those, in order of last write."""
    for n in range(150):
        await container.upsert_item({"id": f"i{n % 3}", "pk": "x", "n": n})
    feed = container.query_items_change_feed(partition_key="x", start_time="Beginning")
    assert [item["n"] for item in await collect(feed)] == [147, 148, 149]
