"""What the proxy does not shape passes through unchanged."""

import asyncio

import aiohttp
import orjson
import pytest
from aiobotocore.session import get_session
from botocore.exceptions import ClientError


@pytest.fixture
def bucket(s3, name):
    """A client of S3; the bucket `name` is there for the test."""
    s3.create_bucket(Bucket=name)
    yield s3
    for found in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=found["Key"])
    s3.delete_bucket(Bucket=name)


@pytest.mark.parametrize("key", ["a/b", "x/../b", "./k", "a//b", "sp ace+plus%25", "ü/日本", "~tilde"])
def test_object_keys_arrive_as_they_are(bucket, name, key):
    """No path is normalised or decoded on the way."""
    bucket.put_object(Bucket=name, Key=key, Body=key.encode())
    assert bucket.get_object(Bucket=name, Key=key)["Body"].read() == key.encode()
    assert [found["Key"] for found in bucket.list_objects_v2(Bucket=name)["Contents"]] == [key]


def test_large_and_encoded_bodies_arrive_byte_for_byte(bucket, name):
    """A body of many megabytes, and one that says it is gzip, come back as they were."""
    body = bytes(range(256)) * 40_000
    bucket.put_object(Bucket=name, Key="large", Body=body)
    assert bucket.get_object(Bucket=name, Key="large")["Body"].read() == body
    bucket.put_object(Bucket=name, Key="zip", Body=b"not gzip", ContentEncoding="gzip")
    assert bucket.get_object(Bucket=name, Key="zip")["Body"].read() == b"not gzip"
    part = bucket.get_object(Bucket=name, Key="large", Range="bytes=10-19")["Body"].read()
    assert part == body[10:20]
    assert bucket.head_object(Bucket=name, Key="large")["ContentLength"] == len(body)


def test_queues_work_at_the_address_of_the_proxy(client_of, environment, name):
    """The queue's URL leads to the proxy, and a message makes the round."""
    sqs = client_of(environment, "sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert url.startswith(environment["AWS_ENDPOINT_URL"])
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert message["Body"] == "hello"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    sqs.delete_queue(QueueUrl=url)


def test_items_of_every_type_come_back_equal(stream, dynamodb, name):
    """The ten attribute types pass, and numbers keep their 38 digits."""
    item = {
        "pk": {"S": "all"},
        "n": {"N": "12345678901234567890123456789012345678"},
        "b": {"B": b"\x00\xff"},
        "ss": {"SS": ["a", "b"]},
        "ns": {"NS": ["1", "2"]},
        "bs": {"BS": [b"\x01"]},
        "m": {"M": {"x": {"L": [{"NULL": True}, {"BOOL": False}]}}},
        "empty": {"S": ""},
    }
    dynamodb.put_item(TableName=name, Item=item)
    got = dynamodb.get_item(TableName=name, Key={"pk": {"S": "all"}}, ConsistentRead=True)["Item"]
    assert {k: v for k, v in got.items() if k not in {"ss", "ns"}} == {
        k: v for k, v in item.items() if k not in {"ss", "ns"}
    }
    assert set(got["ss"]["SS"]) == {"a", "b"}


def test_conditions_and_transactions_pass(stream, dynamodb, name, all_records):
    """A failed condition is refused and leaves no record; a transaction leaves one per item."""
    put = {"TableName": name, "Item": {"pk": {"S": "a"}}}
    dynamodb.put_item(**put)
    with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
        dynamodb.put_item(**put, ConditionExpression="attribute_not_exists(pk)")
    puts = [{"Put": {"TableName": name, "Item": {"pk": {"S": pk}}}} for pk in ("b", "c")]
    dynamodb.transact_write_items(TransactItems=puts)
    written = [record["dynamodb"]["Keys"]["pk"]["S"] for record in all_records(stream)]
    assert sorted(written) == ["a", "b", "c"]


async def test_calls_may_share_a_connection_with_anything(environment, stream, aws, name):
    """A DynamoDB call is shaped the same after another kind of request, and when sent in chunks."""
    await aws.add_fault("throttle", operation="DescribeTable", table=name, count=2)
    url, body = environment["AWS_ENDPOINT_URL"], orjson.dumps({"TableName": name})
    headers = {"X-Amz-Target": "DynamoDB_20120810.DescribeTable"}

    async def chunks():
        yield body

    connector = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(connector=connector) as session:
        answers = []
        await (await session.get(url + "/_local/health")).read()
        for data in (body, chunks(), body):
            async with session.post(url, data=data, headers=headers) as reply:
                answers.append((reply.status, await reply.json(content_type=None)))
    assert [status for status, _ in answers] == [400, 400, 200]
    assert answers[2][1]["Table"]["LatestStreamArn"] == stream


async def test_many_calls_at_once_keep_their_answers(environment, stream, name):
    """Concurrent calls of an asynchronous client each get their own answer."""
    async with get_session().create_client("dynamodb") as client:
        puts = [
            client.put_item(TableName=name, Item={"pk": {"S": f"k{i}"}, "v": {"N": f"{i}"}})
            for i in range(200)
        ]
        await asyncio.gather(*puts)
        gets = [client.get_item(TableName=name, Key={"pk": {"S": f"k{i}"}}) for i in range(200)]
        assert [got["Item"]["v"]["N"] for got in await asyncio.gather(*gets)] == [
            f"{i}" for i in range(200)
        ]


def test_a_batch_larger_than_a_megabyte_passes(stream, dynamodb, name):
    """DynamoDB takes batches of 16 MB, and so does the way to it."""
    writes = [
        {"PutRequest": {"Item": {"pk": {"S": f"k{i}"}, "v": {"S": "x" * 300_000}}}} for i in range(20)
    ]
    assert dynamodb.batch_write_item(RequestItems={name: writes})["UnprocessedItems"] == {}
