"""Faults on request, as boto3 sees them."""

import time

import pytest
from botocore.exceptions import ClientError, HTTPClientError


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
