"""Clients of the stand-ins, tables and containers that go with the test, and a reader of stream shards."""

import boto3
import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient
from botocore.config import Config

from localcloud.cosmos import CosmosServer


@pytest.fixture
def environment(local_clouds, environment):
    """The variables of the stand-ins, which these tests are about; skipped on real accounts."""
    return environment


@pytest.fixture
def client_of():
    """Makes boto3 clients that retry nothing, of the clouds that some variables name."""
    clients = []

    def make(variables, service):
        made = boto3.client(
            service,
            endpoint_url=variables.get("AWS_ENDPOINT_URL"),
            region_name=variables["AWS_REGION"],
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}, read_timeout=10),
        )
        clients.append(made)
        return made

    yield make
    for made in clients:
        made.close()


@pytest.fixture
def dynamodb(client_of, environment):
    """A client of DynamoDB."""
    return client_of(environment, "dynamodb")


@pytest.fixture
def streams(client_of, environment):
    """A client of DynamoDB Streams."""
    return client_of(environment, "dynamodbstreams")


@pytest.fixture
def s3(client_of, environment):
    """A client of S3."""
    return client_of(environment, "s3")


@pytest.fixture
async def aws(local_clouds):
    """The control paths of the proxy; what a test scripted is taken back."""
    yield local_clouds.aws
    await local_clouds.aws.clear_faults()
    await local_clouds.aws.set_streams(shards=4)


@pytest.fixture
def create_table(dynamodb):
    """Creates tables with the key `pk` and a stream, and deletes them afterwards."""
    created = set()

    def create(name, view="NEW_AND_OLD_IMAGES"):
        created.add(name)
        described = dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
        )
        return described["TableDescription"]["LatestStreamArn"]

    yield create
    for name in created:
        dynamodb.delete_table(TableName=name)


@pytest.fixture
def stream(create_table, name):
    """The ARN of the stream of the table `name`."""
    return create_table(name)


@pytest.fixture
def put(dynamodb, name):
    """Puts an item of the table `name`."""

    def put_item(pk, **attributes):
        dynamodb.put_item(TableName=name, Item={"pk": {"S": pk}} | attributes)

    return put_item


@pytest.fixture
def shards_of(streams):
    """Returns all shards of a stream, page by page."""

    def read(arn, limit=100):
        shards, start = [], {}
        while True:
            answer = streams.describe_stream(StreamArn=arn, Limit=limit, **start)
            description = answer["StreamDescription"]
            shards += description["Shards"]
            if "LastEvaluatedShardId" not in description:
                return shards
            start = {"ExclusiveStartShardId": description["LastEvaluatedShardId"]}

    return read


@pytest.fixture
def iterate(streams):
    """Returns a shard iterator."""

    def get(arn, shard_id, kind="TRIM_HORIZON", **at):
        answer = streams.get_shard_iterator(StreamArn=arn, ShardId=shard_id, ShardIteratorType=kind, **at)
        return answer["ShardIterator"]

    return get


@pytest.fixture
def records_of(streams, iterate):
    """Returns what a shard holds now: all records to its end, or to the first empty page."""

    def read(arn, shard_id, kind="TRIM_HORIZON", **at):
        iterator, records = iterate(arn, shard_id, kind, **at), []
        while iterator:
            page = streams.get_records(ShardIterator=iterator)
            records += page["Records"]
            iterator = page.get("NextShardIterator") if page["Records"] else None
        return records

    return read


@pytest.fixture
def all_records(shards_of, records_of):
    """Returns the records of every shard of a stream, parents before children."""

    def read(arn):
        return [record for shard in shards_of(arn) for record in records_of(arn, shard["ShardId"])]

    return read


@pytest.fixture
async def server():
    """A stand-in of Cosmos DB in this process."""
    server = CosmosServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def database(server):
    """A database of it."""
    async with CosmosClient(server.endpoint, server.key) as client:
        yield await client.create_database("db")


@pytest.fixture
async def container(database):
    """A container with one level of partition keys."""
    return await database.create_container("items", PartitionKey("/pk"))
