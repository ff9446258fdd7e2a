"""The stand-in of Cosmos DB keeps what it holds over a clean stop."""

from azure.cosmos import CosmosClient, PartitionKey

from localcloud import LocalClouds


def container_of(clouds):
    """The one container of the test, with a client that knows nothing yet."""
    environment = clouds.environment()
    client = CosmosClient(environment["COSMOS_ENDPOINT"], environment["COSMOS_KEY"])
    return client.get_database_client("shop").get_container_client("orders")


async def test_a_restart_keeps_documents_versions_and_the_change_feed(tmp_path):
    """Documents have their old ETags, new ones get others, deleted ones stay away, the feed goes on."""
    async with LocalClouds(tmp_path, azurite=False, persist=True) as clouds:
        environment = clouds.environment()
        client = CosmosClient(environment["COSMOS_ENDPOINT"], environment["COSMOS_KEY"])
        database = client.create_database("shop")
        before = database.create_container("orders", PartitionKey(path="/pk"), offer_throughput=4_000)
        kept = [before.create_item({"id": f"{number}", "pk": f"{number % 3}"}) for number in range(9)]
        before.delete_item("0", "0")
        await clouds.restart("cosmos")
        after = container_of(clouds)
        held = {item["id"]: item["_etag"] for item in after.read_all_items()}
        assert held == {item["id"]: item["_etag"] for item in kept[1:]}
        assert after.read()["_rid"] == before.read()["_rid"]
        written = after.upsert_item({"id": "1", "pk": "1", "new": True})
        assert written["_etag"] not in held.values()
        fed = [item["id"] for item in after.query_items_change_feed(start_time="Beginning")]
        assert sorted(fed) == [f"{number}" for number in range(1, 9)]


async def test_without_persistence_a_restart_holds_nothing(tmp_path):
    """What is not told to keep anything begins empty again."""
    async with LocalClouds(tmp_path, azurite=False) as clouds:
        environment = clouds.environment()
        client = CosmosClient(environment["COSMOS_ENDPOINT"], environment["COSMOS_KEY"])
        client.create_database("shop")
        await clouds.restart("cosmos")
        assert list(client.list_databases()) == []
