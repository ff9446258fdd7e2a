"""Both ends keep every promise of docs/spec/connector.md."""

import sqlite3

import pytest
from replicator.connector import Context
from replicator.model.change import Change, Kind
from replicator.model.key import key_text
from replicator.model.record import Item, record_to_json
from replicator.testing import sink_contract, source_contract

from replicator_sqlite import SqliteSinkSettings, SqliteSourceSettings, open_sink, open_source

CONTEXT = Context(pipeline="orders")
PUT = """
INSERT INTO records (key, record) VALUES (?, ?)
ON CONFLICT (key) DO UPDATE SET record = excluded.record
"""


@pytest.mark.parametrize("check", sink_contract.CHECKS, ids=lambda check: check.__name__)
async def test_sink(check, tmp_path):
    """The sink keeps this promise."""
    settings = SqliteSinkSettings(path=tmp_path / "copy.db", page_rows_max=3, row_bytes_max=1_000_000)

    async def open_one():
        return open_sink(settings, CONTEXT)

    def refused(key):
        return Change(Kind.UPSERT, key, Item({"large": {"S": "x" * 1_000_000}}), 0.0)

    await check(sink_contract.SinkHarness(open_one, refused))


@pytest.mark.parametrize("check", source_contract.CHECKS, ids=lambda check: check.__name__)
async def test_source(check, tmp_path):
    """The source keeps this promise, whatever program writes to its file."""
    path = tmp_path / "orders.db"
    path.touch()
    settings = SqliteSourceSettings(path=path, poll_seconds=0.01, page_changes_max=3, page_rows_max=3)

    async def open_one():
        return open_source(settings, CONTEXT)

    async def put(key, attributes):
        execute(path, PUT, key_text(key), record_to_json(Item(attributes)).decode())

    async def delete(key):
        execute(path, "DELETE FROM records WHERE key = ?", key_text(key))

    source = await open_one()
    await source.connect(None)  # makes the tables
    await source.close()
    await check(source_contract.SourceHarness(open_one, put, delete))


def execute(path, statement, *values):
    """Write as another program does, through a connection of its own."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement, values)
    connection.close()
