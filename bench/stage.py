"""The stage: both clouds, tables of 1 KB items, and empty containers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
from azure.cosmos import CosmosClient, PartitionKey
from botocore.config import Config

DATABASE = "bench"
BATCH_ITEMS_MAX = 25
_LOADERS = 3


@dataclass(frozen=True)
class Shape:
    """How items stand together: so many of them share a partition key."""

    name: str
    items_per_key: int


SHAPES = (Shape("many items per key", 100), Shape("one item per key", 1))


def item_of(number: int, shape: Shape, revision: int = 0, at: float = 0.0) -> dict[str, Any]:
    """An item of about 1 KB, in the form of boto3's client."""
    return {
        "pk": {"S": f"customer-{number // shape.items_per_key:07}"},
        "sk": {"S": f"order-{number:07}"},
        "revision": {"N": str(revision)},
        "written_at": {"N": repr(at)},
        "total": {"N": f"{number % 10_000}.25"},
        "status": {"S": "shipped"},
        "paid": {"BOOL": True},
        "address": {"M": {"street": {"S": "Main Street 1"}, "zip": {"S": "12345"}, "city": {"S": "Town"}}},
        "tags": {"L": [{"S": "blue"}, {"S": "oak"}, {"N": "5"}]},
        "note": {"S": "x" * 640},
    }


@dataclass
class Stage:
    """Tables and containers in running clouds.

    Attributes:
        environment: the variables by which programs find the clouds.
        directory: for state, configurations and logs.
    """

    environment: Mapping[str, str]
    directory: Path
    _dynamodb: Any = field(init=False)
    _database: Any = field(init=False)

    def __post_init__(self) -> None:
        self._dynamodb = boto3.client(
            "dynamodb", config=Config(parameter_validation=False), **self.aws_options()
        )
        account = CosmosClient(self.environment["COSMOS_ENDPOINT"], self.environment["COSMOS_KEY"])
        self._database = account.create_database_if_not_exists(DATABASE)

    def aws_options(self) -> dict[str, str]:
        """What boto3 has to be told to find AWS."""
        return {
            "endpoint_url": self.environment["AWS_ENDPOINT_URL"],
            "region_name": self.environment["AWS_REGION"],
            "aws_access_key_id": self.environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self.environment["AWS_SECRET_ACCESS_KEY"],
        }

    def create_table(self) -> str:
        """A new table with a stream; its name."""
        name = f"bench-{uuid4().hex[:8]}"
        self._dynamodb.create_table(
            TableName=name,
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        return name

    def create_container(self) -> str:
        """A new container; its name."""
        name = f"bench-{uuid4().hex[:8]}"
        self._database.create_container(name, PartitionKey(path="/pk", version=2))
        return name

    def delete_container(self, name: str) -> None:
        """Free what a container holds, so that the stand-in stays as quick as it was."""
        self._database.delete_container(name)

    def put(self, table: str, items: Sequence[Mapping[str, Any]]) -> None:
        """Write at most 25 items by one call."""
        left: Any = [{"PutRequest": {"Item": item}} for item in items]
        while left:
            answer = self._dynamodb.batch_write_item(RequestItems={table: left})
            left = answer.get("UnprocessedItems", {}).get(table, [])

    async def load(self, table: str, shape: Shape, items: int, revision: int = 0) -> None:
        """Write items 0 to ``items``."""
        starts = range(0, items, BATCH_ITEMS_MAX)

        def put(start: int) -> None:
            numbers = range(start, min(start + BATCH_ITEMS_MAX, items))
            self.put(table, [item_of(number, shape, revision) for number in numbers])

        def put_all() -> None:
            with ThreadPoolExecutor(_LOADERS) as loaders:
                list(loaders.map(put, starts))

        await asyncio.to_thread(put_all)


def pipeline_of(table: str, container: str) -> dict[str, Any]:
    """The configuration of a pipeline between them."""
    source = {"connector": "dynamodb", "table": table, "markers": True, "read_units_per_second_max": 1e9}
    return {"source": source, "sink": {"connector": "cosmos", "database": DATABASE, "container": container}}
