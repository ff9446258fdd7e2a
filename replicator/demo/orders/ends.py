"""The two ends of the orders: a table in AWS, a container in Azure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from azure.cosmos import CosmosClient, PartitionKey

from replicator.demo.aws import client
from replicator.demo.ledger import LedgerKey
from replicator.demo.orders.canonical import TypedItem, canonical
from replicator.demo.orders.making import HASH_KEY, RANGE_KEY, key_of
from replicator.demo.orders.reading import item_of

TABLE = "orders"
DATABASE, CONTAINER = "shop", "orders"
MARKER_PREFIX = "__replicator_mark__"
"""What the hash keys of marker items begin with; they belong to Replicator and are never copied."""


class OrderEnds:
    """Both ends, reached with the vendors' own SDKs and nothing of Replicator."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._dynamodb = client("dynamodb", environment)
        self._cosmos = CosmosClient(environment["COSMOS_ENDPOINT"], environment["COSMOS_KEY"])

    def create(self) -> None:
        """Create the table, with its stream, and the container, empty."""
        self._dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[
                {"AttributeName": HASH_KEY, "KeyType": "HASH"},
                {"AttributeName": RANGE_KEY, "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in (HASH_KEY, RANGE_KEY)
            ],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        database = self._cosmos.create_database(DATABASE)
        database.create_container(CONTAINER, PartitionKey(path="/pk", version=2))

    def settings(self) -> dict[str, Any]:
        """Both ends as the configuration names them."""
        return {
            "source": {
                "connector": "dynamodb",
                "table": TABLE,
                "markers": True,
                "marker_prefix": MARKER_PREFIX,
                "read_share": 1.0,
                "quiet_seconds": 1.0,
                "discovery_seconds": 5.0,
            },
            "sink": {"connector": "cosmos", "database": DATABASE, "container": CONTAINER},
            # A table is copied with much less waiting than the others: it leaves them their share.
            "limits": {"backfill_pieces_in_flight_max": 2, "sink_calls_in_flight_max": 12},
        }

    def in_source(self) -> Iterator[tuple[LedgerKey, str]]:
        """Every item of the table; no markers."""
        return ((key_of(item), canonical(item)) for item in self._items())

    def in_sink(self) -> Iterator[tuple[LedgerKey, str]]:
        """Every document of the container, read back to an item."""
        items = map(item_of, self.documents())
        return ((key_of(item), canonical(item)) for item in items)

    def is_settled(self) -> bool:
        """Nothing of a table is on its way once it is written."""
        return True

    def documents(self, wanted: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """The documents of the container: all, or those with the wanted properties."""
        container = self._cosmos.get_database_client(DATABASE).get_container_client(CONTAINER)
        conditions = [f"c.{name} = @{name}" for name in wanted or {}]
        yield from container.query_items(
            " WHERE ".join(["SELECT * FROM c", *([" AND ".join(conditions)] if conditions else [])]),
            parameters=[{"name": f"@{name}", "value": value} for name, value in (wanted or {}).items()],
            enable_cross_partition_query=True,
        )

    def _items(self) -> Iterator[TypedItem]:
        """By a strongly consistent scan."""
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True):
            for item in page["Items"]:
                if not item[HASH_KEY]["S"].startswith(MARKER_PREFIX):
                    yield item
