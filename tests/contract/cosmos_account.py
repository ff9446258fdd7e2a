"""A Cosmos DB account for the sink's tests: a stand-in of the test's own, or the real one.

With ``REPLICATOR_TEST_CLOUDS=real`` the account is that of COSMOS_ENDPOINT and COSMOS_KEY; tests that
script the stand-in are skipped there.
"""

import contextlib
import os
from uuid import uuid4

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient

from connectors.cosmos import PARTITION_KEY_PATH, connector
from localcloud.cosmos import CosmosServer
from replicator.connector import Context
from replicator.model.change import Change, Kind
from replicator.model.record import Item

REAL = os.environ.get("REPLICATOR_TEST_CLOUDS") == "real"
CONTAINER = "orders"


class Account:
    """One database of an account, for one test; ``server`` is the stand-in, or None."""

    def __init__(self, endpoint, key, server=None):
        self.endpoint, self.key, self.server = endpoint, key, server
        self.database = f"replicator-test-{uuid4().hex[:12]}"
        self.client = CosmosClient(endpoint, key)
        self._opened = []

    async def create(self, path=PARTITION_KEY_PATH, **definition):
        """Create the container, with another partition key path or further settings."""
        database = await self.client.create_database_if_not_exists(self.database)
        return await database.create_container(CONTAINER, PartitionKey(path), **definition)

    @property
    def container(self):
        """The container, for what a test does behind the sink's back."""
        return self.client.get_database_client(self.database).get_container_client(CONTAINER)

    def sink(self, *, call_seconds_max=10.0, **settings):
        """A sink into the container; closed with the account."""
        settings = {"endpoint": self.endpoint, "database": self.database, "container": CONTAINER} | settings
        validated = connector.sink_settings.model_validate(settings)
        sink = connector.open_sink(validated, Context("orders", call_seconds_max))
        self._opened.append(sink)
        return sink

    async def connected(self, **settings):
        """A sink that is connected."""
        sink = self.sink(**settings)
        await sink.connect()
        return sink

    async def close(self):
        """Close the sinks and drop the database."""
        for sink in self._opened:
            await sink.close()
        if REAL:
            with contextlib.suppress(Exception):
                await self.client.delete_database(self.database)
        await self.client.close()


@contextlib.asynccontextmanager
async def account(monkeypatch):
    """An account with an empty database; its key is in COSMOS_KEY."""
    server = None if REAL else CosmosServer()
    if server is not None:
        await server.start()
        monkeypatch.setenv("COSMOS_KEY", server.key)
    endpoint = server.endpoint if server else os.environ["COSMOS_ENDPOINT"]
    opened = Account(endpoint, os.environ["COSMOS_KEY"], server)
    async with opened.client:
        yield opened
        await opened.close()
    if server is not None:
        await server.stop()


def scripted(opened):
    """The stand-in, for a test that injects faults; skips on a real account."""
    if opened.server is None:
        pytest.skip("scripts the stand-in")
    return opened.server


def upsert(*key, **attributes):
    """A change that writes an item of text attributes."""
    return Change(Kind.UPSERT, key, Item({name: {"S": text} for name, text in attributes.items()}), 0.0)


def delete(*key):
    """A change that deletes a key."""
    return Change(Kind.DELETE, key, None, 0.0)


async def rows_of(sink):
    """Everything the sink holds, by key, read by scanning every piece to its end."""
    rows = {}
    for piece in await sink.pieces():
        cursor, more = None, True
        while more:
            page = await sink.scan(piece, cursor)
            rows |= {row.key: row for row in page.rows}
            cursor = page.cursor
            more = cursor is not None
    return rows
