"""The two ends of the demonstration's pipeline: an orders table in AWS, a container in Azure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import boto3
from azure.cosmos import CosmosClient, PartitionKey

from replicator.demo.canonical import TypedItem
from replicator.demo.orders import HASH_KEY, RANGE_KEY

TABLE = "orders"
DATABASE, CONTAINER = "shop", "orders"
MARKER_PREFIX = "__replicator_mark__"
"""What the hash keys of marker items begin with; they belong to Replicator and are never copied."""


class Ends:
    """Both ends, reached with the vendors' own SDKs and nothing of Replicator."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._dynamodb = boto3.client(
            "dynamodb",
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            region_name=environment["AWS_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )
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

    def items(self) -> Iterator[TypedItem]:
        """Every item of the table, by a strongly consistent scan; no markers."""
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True):
            for item in page["Items"]:
                if not item[HASH_KEY]["S"].startswith(MARKER_PREFIX):
                    yield item

    def documents(self, wanted: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """The documents of the container: all, or those with the wanted properties."""
        container = self._cosmos.get_database_client(DATABASE).get_container_client(CONTAINER)
        conditions = [f"c.{name} = @{name}" for name in wanted or {}]
        yield from container.query_items(
            " WHERE ".join(["SELECT * FROM c", *([" AND ".join(conditions)] if conditions else [])]),
            parameters=[{"name": f"@{name}", "value": value} for name, value in (wanted or {}).items()],
            enable_cross_partition_query=True,
        )
