"""Faults on request, as boto3 sees them."""

import time

import pytest
from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError


@pytest.fixture
def get(stream, dynamodb, name):
    """Reads an item of the table; None where it is absent."""

    def get_item(pk):
        return dynamodb.get_item(TableName=name, Key={"pk": {"S": pk}}).get("Item")

    return get_item


async def test_throttling_has_no_effect_and_stops_after_its_count(stream, aws, put, get, name):
    """A throttled write is refused as DynamoDB does, leaves nothing, and the next one passes."""
    await aws.add_fault("throttle", service="dynamodb", operation="PutItem", table=name, count=2)
    for _ in range(2):
        with pytest.raises(ClientError, match="ProvisionedThroughputExceededException"):
            put("a")
    assert get("a") is None
    assert await aws.faults() == []
    put("a")
    assert get("a") is not None


@pytest.mark.parametrize(
    ("kind", "effect"), [("error", False), ("error_after", True), ("slow_after", True), ("slow", True)]
)
async def test_errors_and_delays_come_before_or_after_the_effect(kind, effect, stream, aws, put, get, name):
    """A fault says by its kind whether the write has happened."""
    await aws.add_fault(kind, operation="PutItem", table=name, status=503, seconds=0.3)
    started = time.monotonic()
    if kind.startswith("error"):
        with pytest.raises(ClientError, match="ServiceUnavailable") as caught:
            put("a")
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    else:
        put("a")
        assert time.monotonic() - started >= 0.3
    assert (get("a") is not None) == effect


@pytest.mark.parametrize(("kind", "effect"), [("reset_before", False), ("reset_after", True)])
async def test_connections_are_reset(kind, effect, stream, aws, put, get, all_records, name):
    """The caller sees a broken connection; after the effect the stream has its record too."""
    await aws.add_fault(kind, operation="PutItem", table=name)
    with pytest.raises(HTTPClientError):
        put("a")
    assert (get("a") is not None) == effect
    assert len(all_records(stream)) == effect


async def test_a_batch_can_be_left_unprocessed_in_part(stream, aws, dynamodb, name):
    """The named number of writes comes back unprocessed and has no effect; the others have."""
    await aws.add_fault("unprocessed", table=name, items=2)
    writes = [{"PutRequest": {"Item": {"pk": {"S": f"k{i}"}}}} for i in range(5)]
    answer = dynamodb.batch_write_item(RequestItems={name: writes})
    assert answer["UnprocessedItems"] == {name: writes[3:]}
    assert dynamodb.scan(TableName=name)["Count"] == 3
    assert dynamodb.batch_write_item(RequestItems=answer["UnprocessedItems"])["UnprocessedItems"] == {}
    assert dynamodb.scan(TableName=name)["Count"] == 5


async def test_stream_calls_can_be_throttled(stream, aws, streams, iterate, shards_of):
    """GetRecords is refused, and the same iterator works afterwards."""
    iterator = iterate(stream, shards_of(stream)[0]["ShardId"])
    await aws.add_fault("throttle", service="dynamodbstreams", operation="GetRecords")
    with pytest.raises(ClientError, match="LimitExceededException"):
        streams.get_records(ShardIterator=iterator)
    assert streams.get_records(ShardIterator=iterator)["Records"] == []


async def test_the_first_calls_can_be_spared(stream, aws, put, name):
    """A rule lets `skip` matching calls pass first."""
    await aws.add_fault("throttle", operation="PutItem", table=name, skip=2)
    put("a")
    put("b")
    with pytest.raises(ClientError, match="ProvisionedThroughputExceededException"):
        put("c")


async def test_object_calls_can_be_throttled(aws, s3, name):
    """S3 is refused with SlowDown and 503."""
    await aws.add_fault("throttle", service="s3", operation="PUT")
    with pytest.raises(ClientError, match="SlowDown"):
        s3.create_bucket(Bucket=name)
    s3.create_bucket(Bucket=name)
    s3.delete_bucket(Bucket=name)


async def test_an_unknown_rule_is_refused(aws):
    """A misspelt kind or field is an error, not a rule that never matches."""
    with pytest.raises(ValueError, match="colour"):
        await aws.add_fault("throttle", colour="red")
    with pytest.raises(ValueError, match="sloow"):
        await aws.add_fault("sloow")
    with pytest.raises(ValueError, match="only moved forward"):
        await aws.advance_clock(-1)


@pytest.fixture
def bucket(s3, name):
    """A bucket with the object `k`."""
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x" * 1000)
    yield name
    for found in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=found["Key"])
    s3.delete_bucket(Bucket=name)


OBJECT_CALLS = {
    "GetObject": lambda s3, bucket: s3.get_object(Bucket=bucket, Key="k")["Body"].read(),
    "HeadObject": lambda s3, bucket: s3.head_object(Bucket=bucket, Key="k"),
    "PutObject": lambda s3, bucket: s3.put_object(Bucket=bucket, Key="k", Body=b"y"),
    "DeleteObject": lambda s3, bucket: s3.delete_object(Bucket=bucket, Key="k"),
    "ListObjectsV2": lambda s3, bucket: s3.list_objects_v2(Bucket=bucket),
}


@pytest.mark.parametrize("operation", OBJECT_CALLS)
@pytest.mark.parametrize("kind", ["throttle", "error", "error_after", "reset_before", "reset_after"])
async def test_every_kind_of_object_call_can_fail(kind, operation, aws, s3, bucket):
    """A rule names the operation as the API does, and strikes once; resets break the connection."""
    await aws.add_fault(kind, service="s3", operation=operation, bucket=bucket, status=503)
    call = OBJECT_CALLS[operation]
    broken = kind.startswith("reset")
    with pytest.raises(HTTPClientError if broken else ClientError) as caught:
        call(s3, bucket)
    if not broken:
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert await aws.faults() == []
    deleted = "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert deleted == (operation == "DeleteObject" and kind.endswith("after"))
    call(s3, bucket) if not deleted else None


@pytest.mark.parametrize("kind", ["slow", "slow_after"])
async def test_object_calls_can_be_slow(kind, aws, s3, bucket):
    """The answer keeps its caller waiting."""
    await aws.add_fault(kind, service="s3", operation="GET", bucket=bucket, seconds=0.3)
    started = time.monotonic()
    assert len(OBJECT_CALLS["GetObject"](s3, bucket)) == 1000
    assert time.monotonic() - started >= 0.3


async def test_a_rule_may_be_about_one_key(aws, s3, bucket):
    """Other keys and other buckets are spared; a star at the end means every key that begins so."""
    await aws.add_fault("throttle", service="s3", bucket=bucket, key="a*", count=None)
    s3.put_object(Bucket=bucket, Key="b/a", Body=b"")
    for key in ("a", "a/b"):
        with pytest.raises(ClientError, match="SlowDown"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"")
    await aws.clear_faults()
    await aws.add_fault("error", service="s3", key="a", status=500)
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"")
    with pytest.raises(ClientError, match="InternalError"):
        s3.put_object(Bucket=bucket, Key="a", Body=b"")


async def test_a_body_can_be_cut_in_its_middle(aws, s3, bucket):
    """Some bytes arrive, then the connection breaks; the next reader gets all."""
    await aws.add_fault("cut_after", service="s3", operation="GetObject", bucket=bucket, bytes=100)
    with pytest.raises((HTTPClientError, IncompleteReadError, ConnectionError)):
        OBJECT_CALLS["GetObject"](s3, bucket)
    assert len(OBJECT_CALLS["GetObject"](s3, bucket)) == 1000


@pytest.fixture
def queues(client_of, environment, name):
    """A client of SQS with two queues: their URLs, the second one spared."""
    sqs = client_of(environment, "sqs")
    urls = [sqs.create_queue(QueueName=each)["QueueUrl"] for each in (name, name + "-spared")]
    yield sqs, *urls
    for url in urls:
        sqs.delete_queue(QueueUrl=url)


async def test_queue_calls_can_fail_by_queue(aws, queues, name):
    """SQS is throttled as itself, only on the named queue, and resets tell by kind of the effect."""
    sqs, url, spared = queues
    await aws.add_fault("throttle", service="sqs", operation="SendMessage", queue=name)
    sqs.send_message(QueueUrl=spared, MessageBody="x")
    with pytest.raises(ClientError, match="RequestThrottled"):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    await aws.add_fault("reset_before", service="sqs", queue=name)
    await aws.add_fault("reset_after", service="sqs", queue=name)
    await aws.add_fault("error", service="sqs", queue=name, status=503)
    for expected in (HTTPClientError, HTTPClientError, ClientError):
        with pytest.raises(expected):
            sqs.send_message(QueueUrl=url, MessageBody="x")
    await aws.add_fault("slow", service="sqs", operation="ReceiveMessage", queue=name, seconds=0.3)
    started = time.monotonic()
    assert len(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 1
    assert time.monotonic() - started >= 0.3
