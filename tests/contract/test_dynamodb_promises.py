"""The DynamoDB source keeps every promise that sources are held to."""

import asyncio

import pytest
from dynamodb_table import table

from replicator.testing.source_contract import CHECKS, SourceHarness

__all__ = ["table"]


@pytest.mark.parametrize("markers", [False, True], ids=["by time", "with markers"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_dynamodb(check, markers, table, clouds):
    """The source keeps this promise over the real SDK."""
    table.create(sort_type="S")

    async def open_source():
        return table.source(markers=markers)

    async def put(_key, attributes):
        await asyncio.to_thread(table.api.put_item, TableName=table.name, Item=attributes)

    async def delete(key):
        named = {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
        await asyncio.to_thread(table.api.delete_item, TableName=table.name, Key=named)

    async def split():
        await clouds.aws.split(table.name)

    # Only the stand-in can be told to divide a shard.
    await check(SourceHarness(open_source, put, delete, split if hasattr(clouds, "aws") else None))
