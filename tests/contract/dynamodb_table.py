"""A table for tests of the DynamoDB source, written by boto3, and a reader of what a source delivers."""

import asyncio
import contextlib

import boto3
import pytest
from botocore.config import Config

from connectors.dynamodb import connector
from replicator.connector import Context
from replicator.model.change import Kind
from replicator.model.errors import TransientError

STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


class OrdersTable:
    """A table of one test, whose items have the partition key `pk`."""

    def __init__(self, name):
        retries = {"total_max_attempts": 1}
        self.name = name
        self.api = boto3.client("dynamodb", config=Config(retries=retries))
        self.streams = boto3.client("dynamodbstreams", config=Config(retries=retries))
        self._opened = []

    def create(self, *, key_type="S", sort_type=None, stream=STREAM, read_units=None):
        """Create it; on demand, unless `read_units` are given."""
        types = {"pk": key_type} | ({"sk": sort_type} if sort_type else {})
        kinds = dict(zip(types, ("HASH", "RANGE"), strict=False))
        billing = {"BillingMode": "PAY_PER_REQUEST"}
        if read_units:
            throughput = {"ReadCapacityUnits": read_units, "WriteCapacityUnits": 1000}
            billing = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": throughput}
        self.api.create_table(
            TableName=self.name,
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in types.items()],
            KeySchema=[{"AttributeName": n, "KeyType": k} for n, k in kinds.items()],
            **({"StreamSpecification": stream} if stream else {}),
            **billing,
        )
        self.api.get_waiter("table_exists").wait(TableName=self.name, WaiterConfig={"Delay": 1})
        return self

    def put(self, *keys, **attributes):
        """Put one item per key, with these attributes."""
        for key in keys:
            self.api.put_item(TableName=self.name, Item={"pk": {"S": key}} | attributes)

    def delete(self, key):
        """Delete an item."""
        self.api.delete_item(TableName=self.name, Key={"pk": {"S": key}})

    def source(self, **settings):
        """A source of the table, closed with the test; quick to call a shard quiet."""
        chosen = {"table": self.name, "quiet_seconds": 0.4, "poll_seconds": 0.05} | settings
        validated = connector.source_settings.model_validate(chosen)
        source = connector.open_source(validated, Context("orders"))
        self._opened.append(source)
        return source

    async def drop(self):
        """Close the sources and delete the table."""
        for source in self._opened:
            await source.close()
        with contextlib.suppress(self.api.exceptions.ResourceNotFoundException):
            self.api.delete_table(TableName=self.name)
        self.api.close()
        self.streams.close()


@pytest.fixture
async def table(environment, name):
    """A table that is not created yet."""
    orders = OrdersTable(name)
    yield orders
    await orders.drop()


@pytest.fixture
async def aws(local_clouds):
    """The control paths of the stand-in; what a test scripted is taken back."""
    yield local_clouds.aws
    await local_clouds.aws.clear_faults()
    await local_clouds.aws.set_streams(shards=4)


class Reading:
    """Reads a source and keeps what it delivered, as an engine does."""

    def __init__(self, source):
        self.source = source
        self.batches, self.positions, self.troubles = [], {}, []

    async def connect(self, positions=None):
        """Connect, and take the start positions."""
        start = await self.source.connect(positions)
        self.positions = dict(start.positions)
        return start

    async def until(self, condition, *, seconds=15):
        """Read until the condition holds; transient errors are repeated, as the engine does."""
        async with asyncio.timeout(seconds):
            while not condition():
                try:
                    self._take(await self.source.read())
                except TransientError as error:
                    self.troubles.append(error)
                    await asyncio.sleep(0.02)
        return self

    def _take(self, batch):
        self.batches.append(batch)
        self.positions |= {batch.partition: batch.position} | dict(batch.opened or {})
        for shard in batch.forgotten:
            self.positions.pop(shard, None)

    @property
    def changes(self):
        """All changes, in the order of delivery."""
        return [change for batch in self.batches for change in batch.changes]

    @property
    def marks(self):
        """The names of all marks seen."""
        return {name for batch in self.batches for name in batch.marks}

    @property
    def state(self):
        """What applying the changes makes of an empty sink: key to attributes."""
        found = {}
        for change in self.changes:
            if change.kind is Kind.DELETE:
                found.pop(change.key, None)
            else:
                found[change.key] = change.record.attributes
        return found
