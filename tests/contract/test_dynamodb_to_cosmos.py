"""DynamoDB to Cosmos DB and back, over both clouds and the real SDKs: nothing is lost on the way."""

import asyncio
import json
import sys
from decimal import Decimal

import pytest
import yaml
from cosmos_account import CONTAINER, account, rows_of
from dynamodb_items import canonical, odd_items
from dynamodb_table import OrdersTable, table

from connectors.cosmos.keys import HIERARCHICAL_PATHS
from replicator.app.preflight import preflight
from replicator.config import installed, load
from replicator.model.change import Change, Kind

__all__ = ["table"]

PARTS = {
    "S": [
        {"S": text}
        for text in (
            *("a", "A", "é", "e\u0301", "a/b", "a~2Fb", "..", ".", " ", "x ", "~e", "~n1", "~t", "\x00"),
            *("#?", "é" * 512),
        )
    ],
    "N": [
        {"N": number} for number in ("0", "1", "-1.5", "1E-130", "9.9E+125", "1234567890" * 3 + "12345678")
    ],
    "B": [{"B": binary} for binary in (b"\x00", b"a", b"\xff" * 1024, b"/", b"~")],
}


@pytest.fixture
async def back(environment, name):
    """Another table, into which what came to Azure is written back."""
    returned = OrdersTable(f"{name}-back")
    yield returned
    await returned.drop()


def items_of(table):
    """Everything in a table, by boto3 alone: meaning of the key to meaning of the item."""
    pages = table.api.get_paginator("scan").paginate(TableName=table.name, ConsistentRead=True)
    found = [canonical(item) for page in pages for item in page["Items"]]
    return {(item["pk"], item.get("sk")): item for item in found}


async def carry(source, sink):
    """Copy everything, as a backfill does."""
    for piece in await source.pieces():
        cursor, more = None, True
        while more:
            page = await source.scan(piece, cursor)
            for row in page.rows:
                await sink.write([Change(Kind.UPSERT, row.key, row.record, 0.0)])
            cursor, more = page.cursor, page.cursor is not None


@pytest.mark.parametrize("paths", [("/pk",), HIERARCHICAL_PATHS], ids=["flat", "hierarchical"])
@pytest.mark.parametrize(("hash_type", "sort_type"), [("S", "S"), ("N", "B"), ("B", "N"), ("S", None)])
async def test_every_item_comes_back(table, back, monkeypatch, hash_type, sort_type, paths):
    """AWS to Azure to AWS: two tables are equal, key by key and attribute by attribute."""
    for each in (table, back):
        each.create(key_type=hash_type, sort_type=sort_type)
    keys = [
        {"pk": first} | ({"sk": second} if sort_type else {})
        for first in PARTS[hash_type]
        for second in (PARTS[sort_type] if sort_type else [None])
    ]
    for key, item in zip(keys, odd_items(f"{hash_type}{sort_type}", len(keys)), strict=True):
        table.api.put_item(TableName=table.name, Item=item | key)
    async with account(monkeypatch) as cosmos:
        await cosmos.create(list(paths) if len(paths) > 1 else paths[0])
        sink = await cosmos.connected(partition_key_paths=paths, ttl_attribute="ttl")
        await carry(table.source(), sink)
        rows = await rows_of(sink)
    assert len(rows) == len(keys)
    for row in rows.values():
        back.api.put_item(TableName=back.name, Item=row.record.attributes)
    before, after = items_of(table), items_of(back)
    assert before.keys() == after.keys()
    for key, item in before.items():
        assert item == after[key], key


async def test_an_item_as_large_as_dynamodb_takes_fits(table, monkeypatch):
    """400 KB of text, of binary or of long numbers are a document."""
    table.create()
    table.put("text", large={"S": "x" * 400_000})
    table.put("binary", large={"B": b"\xff" * 400_000})
    table.put("numbers", large={"L": [{"N": "0.12345678901234567890123456789012345678"}] * 17_000})
    async with account(monkeypatch) as cosmos:
        await cosmos.create()
        sink = await cosmos.connected()
        await carry(table.source(), sink)
        rows = await rows_of(sink)
    assert rows[("text",)].record.attributes["large"] == {"S": "x" * 400_000}
    assert rows[("binary",)].record.attributes["large"] == {"B": b"\xff" * 400_000}
    (number,) = {each["N"] for each in rows[("numbers",)].record.attributes["large"]["L"]}
    assert Decimal(number) == Decimal("0.12345678901234567890123456789012345678")


def configured(directory, table, cosmos, **sink):
    """A configuration of one pipeline from the table into the account's container."""
    into = {"endpoint": cosmos.endpoint, "database": cosmos.database, "container": CONTAINER} | sink
    ends = {
        "source": {"connector": "dynamodb", "table": table.name},
        "sink": {"connector": "cosmos"} | into,
    }
    path = directory / "replicator.yaml"
    path.write_text(yaml.safe_dump({"pipelines": [{"name": "orders", **ends}]}))
    return path


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
async def test_validate_exits_one_where_something_blocks(table, monkeypatch, tmp_path, as_json):
    """Everything that blocks is told at once, each with its side and a hint, as text and as JSON."""
    table.create(stream={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    async with account(monkeypatch) as cosmos:
        await cosmos.create("/customer", default_ttl=3600)
        path = configured(tmp_path, table, cosmos)
        command = [sys.executable, "-m", "replicator.cli", "validate", str(path), *["--json"] * as_json]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        said = (await process.communicate())[0].decode()
    assert process.returncode == 1
    for each in ("KEYS_ONLY", "partition key is /customer", "3600 s after"):
        assert each in said
    if as_json:
        blocking = [each for each in json.loads(said)["findings"] if each["severity"] == "error"]
        assert [each["side"] for each in blocking] == ["source", "sink", "sink"]
        assert all(each["hint"] for each in blocking)
    else:
        assert said.count("error: orders, ") == 3
        assert "the configuration cannot run" in said


async def test_validate_reads_a_sample_of_the_table(table, monkeypatch, tmp_path):
    """Over both clouds: nothing blocks, and sizes, time to live and indexes are told with their sides."""
    table.create()
    table.put(*"abc", note={"S": "x" * 2000})
    table.api.update_time_to_live(
        TableName=table.name,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
    )
    async with account(monkeypatch) as cosmos:
        await cosmos.create()
        path = configured(tmp_path, table, cosmos, ttl_attribute="expires")
        found = await preflight(load(path, {}), installed(), sampled=True)
    assert not [sighting for sighting in found if sighting.blocks]
    assert all(sighting.finding.hint for sighting in found)
    said = {
        side: " | ".join(s.finding.message for s in found if s.side == side) for side in ("source", "sink")
    }
    assert "items expire by the attribute expires_at" in said["source"]
    assert "sample of 3 records a document has 2.0 KB" in said["sink"]
    assert "none has the attribute expires" in said["sink"]
    assert "do not expire yet" in said["sink"]
