"""The Cosmos DB stand-in, asked by the real SDK: resources, keys, throughput, faults, the process."""

import asyncio
import json
import signal
import sys
import time

import aiohttp
import pytest
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.cosmos import PartitionKey, ThroughputProperties
from azure.cosmos.aio import CosmosClient
from azure.cosmos.exceptions import (
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from localcloud.cosmos import CosmosServer, Fault


class ManualClock:
    """A clock that moves when told to."""

    def __init__(self):
        self.seconds = 1_700_000_000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def server(clock):
    server = CosmosServer(clock=clock)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(server):
    async with CosmosClient(server.endpoint, server.key, retry_total=0, retry_throttle_total=0) as client:
        yield client


@pytest.fixture
async def database(client):
    return await client.create_database("db")


@pytest.fixture
async def container(database):
    return await database.create_container("items", PartitionKey("/pk"))


async def test_databases_come_and_go(client):
    """Databases are created once, listed, queried, read and deleted."""
    await client.create_database("one")
    with pytest.raises(CosmosResourceExistsError):
        await client.create_database("one")
    await client.create_database_if_not_exists("one")
    await client.create_database_if_not_exists("two")
    assert [one["id"] async for one in client.list_databases()] == ["one", "two"]
    query = "SELECT * FROM root r WHERE r.id = @id"
    found = client.query_databases(query, parameters=[{"name": "@id", "value": "two"}])
    assert [one["id"] async for one in found] == ["two"]
    await client.delete_database("one")
    with pytest.raises(CosmosResourceNotFoundError):
        await client.get_database_client("one").read()


async def test_containers_keep_their_definition(database):
    """A container comes back as it was defined, and a replace changes its TTL and index only."""
    policy = {"indexingMode": "none", "automatic": False}
    container = await database.create_container("one", PartitionKey("/a/b"), indexing_policy=policy)
    await container.create_item({"id": "x", "a": {"b": "k"}})
    await database.replace_container("one", PartitionKey("/a/b"), default_ttl=7, indexing_policy=policy)
    read = await container.read()
    assert read["partitionKey"] == {"paths": ["/a/b"], "kind": "Hash", "version": 2}
    assert (read["defaultTtl"], read["indexingPolicy"]["indexingMode"]) == (7, "none")
    assert (await container.read_item("x", "k"))["id"] == "x"
    with pytest.raises(CosmosHttpResponseError):
        await database.replace_container("one", PartitionKey("/other"))
    assert [one["id"] async for one in database.list_containers()] == ["one"]
    await database.delete_container("one")
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read()


async def test_a_container_made_again_is_another(database, container):
    """After delete and create the same client finds an empty container, by its new resource id."""
    await container.create_item({"id": "a", "pk": "x"})
    await database.delete_container("items")
    await database.create_container("items", PartitionKey("/pk"))
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("a", "x")
    await container.create_item({"id": "a", "pk": "x"})
    assert len([item async for item in container.read_all_items()]) == 1


async def test_what_is_not_here_is_refused(database, container):
    """Unique keys and the deletes of a change feed get a sentence, not a wrong answer."""
    unique = {"uniqueKeys": [{"paths": ["/email"]}]}
    with pytest.raises(CosmosHttpResponseError) as caught:
        await database.create_container("other", PartitionKey("/pk"), unique_key_policy=unique)
    assert caught.value.status_code == 400
    feed = container.query_items_change_feed(mode="AllVersionsAndDeletes", partition_key="x")
    with pytest.raises(CosmosHttpResponseError) as caught:
        await anext(feed)
    assert caught.value.status_code == 400


async def test_a_wrong_key_is_refused(server):
    """A client that signs with another key gets a 401 from its first call on."""
    stranger = CosmosClient(server.endpoint, "d3Jvbmc=")
    with pytest.raises(CosmosHttpResponseError) as caught:
        await stranger.create_database("db")
    await stranger.close()
    assert caught.value.status_code == 401


async def test_an_unsigned_call_is_refused(server, container):
    """Without a signature nothing is told, not even that a path does not exist."""
    async with aiohttp.ClientSession() as session, session.get(server.endpoint + "dbs") as reply:
        assert reply.status == 401


async def test_throughput_is_a_budget_that_the_clock_fills(server, database, clock):
    """Beyond its request units a container answers 429 with the wait, and serves again after it."""
    container = await database.create_container("slow", PartitionKey("/pk"), offer_throughput=400)
    writes = [container.upsert_item({"id": str(n), "pk": "x", "v": "v" * 1000}) for n in range(100)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    refused = [result for result in results if isinstance(result, CosmosHttpResponseError)]
    assert {(error.status_code, error.sub_status) for error in refused} == {(429, 3200)}
    assert 40 <= server.counts["upsert 201"] < 100
    clock.seconds += int(refused[0].headers["x-ms-retry-after-ms"]) / 1000
    await container.upsert_item({"id": "later", "pk": "x"})


async def test_throughput_can_be_read_and_changed(database, clock):
    """Throughput is read back and replaced; without any it is as serverless: a 400."""
    container = await database.create_container("slow", PartitionKey("/pk"), offer_throughput=400)
    assert (await container.get_throughput()).offer_throughput == 400
    await container.replace_throughput(ThroughputProperties(offer_throughput=1000))
    assert (await container.get_throughput()).offer_throughput == 1000
    free = await database.create_container("free", PartitionKey("/pk"))
    with pytest.raises(CosmosHttpResponseError) as caught:
        await free.get_throughput()
    assert caught.value.status_code == 400


async def test_the_sdk_waits_out_a_429_by_itself(server, container):
    """At default settings the SDK obeys the wait of a 429 and the write goes through."""
    server.add_fault(
        Fault(operation="upsert", status=429, substatus=3200, retry_after_milliseconds=1, count=3)
    )
    async with CosmosClient(server.endpoint, server.key) as patient:
        items = patient.get_database_client("db").get_container_client("items")
        await items.upsert_item({"id": "a", "pk": "x"})
    assert server.faults.rules == []


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_a_status_fault_before_leaves_nothing(server, container, status):
    """A call that a fault answers before it takes effect has written nothing."""
    fault = Fault(operation="upsert", status=status, retry_after_milliseconds=1, count=None)
    server.add_fault(fault)
    with pytest.raises(CosmosHttpResponseError) as caught:
        await container.upsert_item({"id": "a", "pk": "x"})
    assert caught.value.status_code == status
    server.clear_faults()
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("a", "x")


@pytest.mark.parametrize(("when", "is_written"), [("before", False), ("after", True)])
async def test_a_reset_connection_hides_the_outcome(server, container, when, is_written):
    """The caller of a reset call cannot tell; it was carried out only if the reset came after."""
    server.add_fault(Fault(kind="reset", when=when, operation="upsert", count=None))
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        await container.upsert_item({"id": "a", "pk": "x"}, retry_write=0)
    server.clear_faults()
    assert [item["id"] async for item in container.read_all_items()] == ["a"] * is_written


async def test_a_delay_after_the_effect_is_a_late_answer(server, container):
    """A call delayed after its effect has written while its caller still waits."""
    server.add_fault(Fault(kind="delay", when="after", operation="upsert", delay_seconds=30))
    write = asyncio.create_task(container.upsert_item({"id": "a", "pk": "x"}))
    async with asyncio.timeout(10):
        while not [item async for item in container.read_all_items()]:
            assert not write.done()
    assert not write.done()
    write.cancel()
    await asyncio.gather(write, return_exceptions=True)


async def test_a_call_given_up_can_still_land(server, container):
    """A call delayed before its effect is carried out though its caller left, as at a real service."""
    server.add_fault(Fault(kind="delay", when="before", operation="upsert", delay_seconds=0.5))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await container.upsert_item({"id": "a", "pk": "x"})
    assert "upsert 201" not in server.counts
    async with asyncio.timeout(10):
        while not [item async for item in container.read_all_items()]:
            assert server.faults.rules == []


async def test_faults_choose_their_calls(server, container):
    """A rule strikes only the item it names, after the calls it lets pass, as often as it says."""
    server.add_fault(Fault(operation="read", item="a", status=403, skip=1, count=1))
    for name in ("a", "b"):
        await container.create_item({"id": name, "pk": "x"})
    await container.read_item("b", "x")
    await container.read_item("a", "x")
    with pytest.raises(CosmosHttpResponseError):
        await container.read_item("a", "x")
    await container.read_item("a", "x")


async def test_the_control_path_takes_rules_and_time(server, clock):
    """Rules are added, shown and dropped over HTTP, the clock moves, and nonsense is a 400."""
    url = server.endpoint + "_local/"
    async with aiohttp.ClientSession() as session:
        async with session.post(url + "faults", json={"operation": "read", "status": 500}) as reply:
            assert [rule["status"] for rule in await reply.json()] == [500]
        async with session.delete(url + "faults") as reply:
            assert await reply.json() == []
        before = server.now()
        async with session.post(url + "clock", json={"advance_seconds": 5}) as reply:
            assert reply.status == 200
        assert server.now() - before == 5
        async with session.post(url + "faults", json={"operations": "read"}) as reply:
            assert reply.status == 400
        async with session.get(url + "nothing") as reply:
            assert reply.status == 404


async def test_what_it_held_outlives_a_stop(server, container):
    """A server that is stopped and started again serves what it held, at the same address."""
    await container.create_item({"id": "a", "pk": "x"})
    endpoint = server.endpoint
    await server.stop()
    await server.start()
    assert server.endpoint == endpoint
    assert (await container.read_item("a", "x"))["id"] == "a"


async def test_it_runs_as_a_process_of_its_own(tmp_path):
    """The command announces its endpoint, serves, and ends with status 0 at SIGTERM."""
    ready = tmp_path / "ready.json"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "localcloud.cosmos", "--ranges", "2", "--ready-file", str(ready)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        announced = json.loads(await process.stdout.readline())
        assert json.loads(ready.read_text()) == announced
        async with CosmosClient(announced["endpoint"], announced["key"]) as client:
            database = await client.create_database("db")
            container = await database.create_container("items", PartitionKey("/pk"))
            await container.create_item({"id": "a", "pk": "x"})
            assert len([one async for one in container.read_feed_ranges()]) == 2
    finally:
        process.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(process.wait(), 10)
    assert status == 0


async def test_a_taken_port_is_told_in_one_sentence(server):
    """The command ends with status 1 and a sentence, without a traceback, when its port is taken."""
    port = server.endpoint.rstrip("/").rpartition(":")[2]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "localcloud.cosmos", "--port", port), stderr=asyncio.subprocess.PIPE
    )
    _, error = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 1
    assert error.startswith(b"cannot listen")
    assert b"Traceback" not in error


async def test_concurrent_creates_have_one_winner(container):
    """Of many creates of one item at once exactly one succeeds."""
    creates = [container.create_item({"id": "a", "pk": "x", "n": n}) for n in range(50)]
    results = await asyncio.gather(*creates, return_exceptions=True)
    assert sum(not isinstance(result, BaseException) for result in results) == 1


async def test_two_thousand_items_take_a_moment(container):
    """Twenty full batches are written and read back in seconds, far from any timeout."""
    started = time.monotonic()
    for key in range(20):
        operations = [("upsert", ({"id": str(n), "pk": f"k{key}"},)) for n in range(100)]
        await container.execute_item_batch(operations, f"k{key}")
    assert len([item async for item in container.read_all_items(max_item_count=1000)]) == 2000
    assert time.monotonic() - started < 20
