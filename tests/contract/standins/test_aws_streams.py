"""DynamoDB Streams as the proxy shapes them, read with boto3."""

import asyncio
import threading
import time
from contextlib import AsyncExitStack

import httpx
import pytest
from aiobotocore.session import get_session
from botocore.exceptions import ClientError

from localcloud.aws import AwsControl
from localcloud.aws.server import AwsServer

MANY = 60


def keys(records):
    """Return the key of each record."""
    return [record["dynamodb"]["Keys"]["pk"]["S"] for record in records]


def number(record):
    """Return the sequence number as a number."""
    return int(record["dynamodb"]["SequenceNumber"])


def test_a_stream_has_several_shards_and_each_key_stays_in_one(stream, put, shards_of, records_of):
    """All records come out once, of more than one shard, and a key's records share a shard."""
    for version in ("1", "2"):
        for i in range(MANY):
            put(f"k{i}", v={"N": version})
    by_shard = [keys(records_of(stream, shard["ShardId"])) for shard in shards_of(stream)]
    assert sum(len(found) for found in by_shard) == 2 * MANY
    assert sum(1 for found in by_shard if found) == 4
    assert sum(len(set(found)) for found in by_shard) == MANY


def test_a_record_has_the_documented_fields(stream, put, dynamodb, name, all_records):
    """INSERT, MODIFY and REMOVE carry keys, images, size, region and a number of 21 to 40 digits."""
    put("a", v={"N": "1"})
    put("a", v={"N": "2"})
    dynamodb.delete_item(TableName=name, Key={"pk": {"S": "a"}})
    insert, modify, remove = all_records(stream)
    assert [r["eventName"] for r in (insert, modify, remove)] == ["INSERT", "MODIFY", "REMOVE"]
    assert {r["eventSource"] for r in (insert, modify, remove)} == {"aws:dynamodb"}
    assert modify["awsRegion"] == "us-east-1"
    change = modify["dynamodb"]
    assert change["OldImage"]["v"] == {"N": "1"}
    assert change["NewImage"]["v"] == {"N": "2"}
    assert change["SizeBytes"] == len("pk" + "a") + 2 * (len("pk" + "a") + len("v") + 1)
    assert change["ApproximateCreationDateTime"].microsecond == 0
    assert 21 <= len(change["SequenceNumber"]) <= 40
    assert number(insert) < number(modify) < number(remove)
    assert "userIdentity" not in remove


@pytest.mark.parametrize(
    ("view", "images"),
    [
        ("KEYS_ONLY", set()),
        ("NEW_IMAGE", {"NewImage"}),
        ("OLD_IMAGE", {"OldImage"}),
        ("NEW_AND_OLD_IMAGES", {"NewImage", "OldImage"}),
    ],
)
def test_the_view_type_decides_the_images(view, images, create_table, name, put, all_records):
    """A record has the images that the table's stream view type names."""
    arn = create_table(name, view)
    put("a", v={"N": "1"})
    put("a", v={"N": "2"})
    change = all_records(arn)[-1]["dynamodb"]
    assert change["StreamViewType"] == view
    assert {"NewImage", "OldImage"} & set(change) == images


def test_a_write_that_changes_nothing_leaves_no_record(stream, put, dynamodb, name, all_records):
    """The same put again, and the delete of an absent item, are not in the stream."""
    put("a", v={"N": "1"})
    put("a", v={"N": "1"})
    dynamodb.delete_item(TableName=name, Key={"pk": {"S": "absent"}})
    assert keys(all_records(stream)) == ["a"]


def test_numbers_gain_a_digit(stream, put, all_records):
    """Numbers two seconds after a stream's creation are longer, so text comparison misorders them."""
    put("a", v={"N": "1"})
    created = time.monotonic()
    numbers = []
    while time.monotonic() < created + 5 and len({len(n) for n in numbers}) < 2:
        put("a", v={"N": repr(time.monotonic())})
        numbers = [r["dynamodb"]["SequenceNumber"] for r in all_records(stream)]
    assert numbers == sorted(numbers, key=int)
    assert numbers != sorted(numbers)


async def test_a_split_keeps_the_order_of_each_key(stream, put, aws, name, shards_of, records_of):
    """A split closes the parent at a number before those of its two children, which name it."""
    for i in range(MANY):
        put(f"k{i}", v={"N": "1"})
    parent_id = shards_of(stream)[0]["ShardId"]
    children = await aws.split(name, parent_id)
    for i in range(MANY):
        put(f"k{i}", v={"N": "2"})
    shards = {shard["ShardId"]: shard for shard in shards_of(stream)}
    assert [shards[child]["ParentShardId"] for child in children] == [parent_id, parent_id]
    end = int(shards[parent_id]["SequenceNumberRange"]["EndingSequenceNumber"])
    for child in children:
        assert int(shards[child]["SequenceNumberRange"]["StartingSequenceNumber"]) > end
    before = records_of(stream, parent_id)
    after = [record for child in children for record in records_of(stream, child)]
    assert sorted(keys(before)) == sorted(keys(after))
    assert max(map(number, before)) <= end < min(map(number, after))


async def test_splits_under_load_lose_and_reorder_nothing(
    stream, aws, name, dynamodb, shards_of, records_of
):
    """Each key's records come in order, parents before children, while a writer writes and shards split."""
    stop, written = threading.Event(), []

    def write():
        while not stop.is_set() and len(written) < 2000:
            key, version = f"k{len(written) % 7}", str(len(written))
            dynamodb.put_item(TableName=name, Item={"pk": {"S": key}, "v": {"N": version}})
            written.append((key, version))

    writer = threading.Thread(target=write)
    writer.start()
    seen, read = {}, set()

    def read_closed_shards(*, all_of_them=False):
        for shard in shards_of(stream):
            closed = "EndingSequenceNumber" in shard["SequenceNumberRange"]
            if (closed or all_of_them) and shard["ShardId"] not in read:
                read.add(shard["ShardId"])
                for record in records_of(stream, shard["ShardId"]):
                    image = record["dynamodb"]["NewImage"]
                    seen.setdefault(image["pk"]["S"], []).append(int(image["v"]["N"]))

    for _ in range(8):
        await aws.split(name)
        await aws.close(name)
        await asyncio.to_thread(read_closed_shards)
    stop.set()
    writer.join()
    read_closed_shards(all_of_them=True)
    assert len(read) == 4 + 8 * 2 + 8
    assert seen == {key: [int(v) for k, v in written if k == key] for key, _ in written}


async def test_a_closed_shard_ends(stream, put, aws, name, streams, iterate, shards_of):
    """A reader of a closed shard gets null for the next iterator once it has all its records."""
    for i in range(MANY):
        put(f"k{i}")
    shard_id = shards_of(stream)[1]["ShardId"]
    iterator = iterate(stream, shard_id)
    child = await aws.close(name, shard_id)
    first = streams.get_records(ShardIterator=iterator, Limit=1)
    assert len(first["Records"]) == 1
    rest = streams.get_records(ShardIterator=first["NextShardIterator"])
    assert rest["Records"]
    assert "NextShardIterator" not in rest
    parents = {shard["ShardId"]: shard.get("ParentShardId") for shard in shards_of(stream)}
    assert parents[child] == shard_id


async def test_shards_are_listed_in_pages(stream, aws, name, shards_of, streams):
    """Limit and ExclusiveStartShardId page through the shards; CHILD_SHARDS selects by the parent."""
    parent = shards_of(stream)[0]["ShardId"]
    children = await aws.split(name, parent)
    assert shards_of(stream, limit=1) == shards_of(stream)
    assert len(shards_of(stream)) == 6
    chosen = {"Type": "CHILD_SHARDS", "ShardId": parent}
    answer = streams.describe_stream(StreamArn=stream, ShardFilter=chosen)
    assert [s["ShardId"] for s in answer["StreamDescription"]["Shards"]] == children


async def test_iterators_start_where_they_are_told(aws, create_table, name, put, shards_of, records_of):
    """AT includes the record of the number, AFTER does not, LATEST has only what comes later."""
    await aws.set_streams(shards=1)
    arn = create_table(name)
    for i in range(5):
        put(f"k{i}")
    shard_id = shards_of(arn)[0]["ShardId"]
    middle = records_of(arn, shard_id)[2]["dynamodb"]["SequenceNumber"]
    at = records_of(arn, shard_id, "AT_SEQUENCE_NUMBER", SequenceNumber=middle)
    after = records_of(arn, shard_id, "AFTER_SEQUENCE_NUMBER", SequenceNumber=middle)
    assert keys(at) == ["k2", "k3", "k4"]
    assert keys(after) == ["k3", "k4"]


async def test_latest_skips_what_was_there(aws, create_table, name, put, shards_of, iterate, streams):
    """LATEST delivers what is written after the call and nothing else."""
    await aws.set_streams(shards=1)
    arn = create_table(name)
    put("old")
    iterator = iterate(arn, shards_of(arn)[0]["ShardId"], "LATEST")
    put("new")
    assert keys(streams.get_records(ShardIterator=iterator)["Records"]) == ["new"]


async def test_iterators_expire(stream, aws, streams, iterate, shards_of):
    """An expired iterator is refused, and a new one is not."""
    shard_id = shards_of(stream)[0]["ShardId"]
    old = iterate(stream, shard_id)
    await aws.expire_iterators()
    with pytest.raises(ClientError, match="ExpiredIteratorException"):
        streams.get_records(ShardIterator=old)
    assert streams.get_records(ShardIterator=iterate(stream, shard_id))["Records"] == []


async def test_trimmed_records_cannot_be_read(
    aws, create_table, name, put, shards_of, records_of, iterate, streams
):
    """After trimming, old numbers and old iterators are refused, and TRIM_HORIZON goes on behind them."""
    await aws.set_streams(shards=1)
    arn = create_table(name)
    put("old")
    shard_id = shards_of(arn)[0]["ShardId"]
    iterator = iterate(arn, shard_id)
    old = records_of(arn, shard_id)[0]["dynamodb"]["SequenceNumber"]
    await aws.trim(name)
    put("new")
    with pytest.raises(ClientError, match="TrimmedDataAccessException"):
        streams.get_records(ShardIterator=iterator)
    with pytest.raises(ClientError, match="TrimmedDataAccessException"):
        iterate(arn, shard_id, "AFTER_SEQUENCE_NUMBER", SequenceNumber=old)
    assert keys(records_of(arn, shard_id)) == ["new"]


async def test_trimming_by_time_keeps_what_is_younger(stream, put, aws, name, all_records):
    """Trimming to a time before the writes takes nothing away."""
    before = time.time()
    put("a")
    await aws.trim(name, before)
    assert keys(all_records(stream)) == ["a"]


async def test_dropped_shards_are_gone(stream, put, aws, name, shards_of, iterate):
    """A closed shard that is dropped is not listed, and no iterator is to be had for it."""
    for i in range(MANY):
        put(f"k{i}")
    shard_id = shards_of(stream)[0]["ShardId"]
    await aws.split(name, shard_id)
    assert await aws.drop_closed(name) == [shard_id]
    assert shard_id not in {shard["ShardId"] for shard in shards_of(stream)}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        iterate(stream, shard_id)


async def test_empty_pages_can_come_before_records(
    aws, create_table, name, put, shards_of, iterate, streams
):
    """Scripted empty pages come first, each with a next iterator, then the records."""
    await aws.set_streams(shards=1)
    arn = create_table(name)
    put("a")
    await aws.empty_pages(name, 2)
    iterator, pages = iterate(arn, shards_of(arn)[0]["ShardId"]), []
    for _ in range(3):
        page = streams.get_records(ShardIterator=iterator)
        iterator = page["NextShardIterator"]
        pages.append(keys(page["Records"]))
    assert pages == [[], [], ["a"]]


async def test_reads_of_a_shard_can_be_limited(stream, aws, streams, iterate, shards_of):
    """Past the limit of reads per second GetRecords is refused."""
    await aws.set_streams(reads_per_second=5)
    iterator = iterate(stream, shards_of(stream)[0]["ShardId"])
    for _ in range(5):
        streams.get_records(ShardIterator=iterator)
    with pytest.raises(ClientError, match="LimitExceededException"):
        streams.get_records(ShardIterator=iterator)


async def test_pages_are_bounded_by_count_and_size(
    aws, create_table, name, put, shards_of, iterate, streams
):
    """A page holds at most Limit records, and at most 1 MB."""
    await aws.set_streams(shards=1)
    arn = create_table(name)
    for i in range(5):
        put(f"k{i}", v={"S": "x" * 300_000})
    shard_id = shards_of(arn)[0]["ShardId"]
    assert len(streams.get_records(ShardIterator=iterate(arn, shard_id), Limit=2)["Records"]) == 2
    assert len(streams.get_records(ShardIterator=iterate(arn, shard_id))["Records"]) == 3


def test_a_stream_that_is_switched_off_ends(stream, put, dynamodb, name, shards_of, all_records):
    """After the stream is disabled its shards are closed, and their records can still be read."""
    put("a")
    dynamodb.update_table(TableName=name, StreamSpecification={"StreamEnabled": False})
    assert all("EndingSequenceNumber" in s["SequenceNumberRange"] for s in shards_of(stream))
    assert keys(all_records(stream)) == ["a"]


def test_broken_json_is_refused(environment):
    """A body that is no JSON gets the documented error, and the connection goes on."""
    url, headers = environment["AWS_ENDPOINT_URL"], {"X-Amz-Target": "DynamoDBStreams_20120810.GetRecords"}
    with httpx.Client() as client:
        for _ in range(2):
            answer = client.post(url, content=b"{", headers=headers)
            assert answer.status_code == 400
            assert answer.json()["__type"].endswith("SerializationException")


def test_nonsense_is_refused(stream, streams, iterate, shards_of):
    """Unknown streams, shards, numbers and iterators are refused with the documented codes."""
    shard_id = shards_of(stream)[0]["ShardId"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        streams.describe_stream(StreamArn=stream[:-1] + "x")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        iterate(stream, "shardId-00000000000000000000-00000000")
    with pytest.raises(ClientError, match="ValidationException"):
        iterate(stream, shard_id, "AT_SEQUENCE_NUMBER", SequenceNumber="1" * 21)
    with pytest.raises(ClientError, match="ValidationException"):
        streams.get_records(ShardIterator="nonsense")


async def test_iterators_and_records_age_by_the_clock(local_clouds, environment, name):
    """Fifteen minutes later an iterator has expired, and a day later the records are gone."""
    async with AwsServer(local_clouds.ministack_url, shards=1) as server, AsyncExitStack() as stack:
        clock = AwsControl(server.endpoint)
        session = get_session()
        dynamodb, streams = [
            await stack.enter_async_context(session.create_client(service, endpoint_url=server.endpoint))
            for service in ("dynamodb", "dynamodbstreams")
        ]
        described = await dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        )
        arn = described["TableDescription"]["LatestStreamArn"]
        await dynamodb.put_item(TableName=name, Item={"pk": {"S": "a"}})
        (shard,) = (await streams.describe_stream(StreamArn=arn))["StreamDescription"]["Shards"]

        async def read(seconds_later):
            at = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            iterator = (await streams.get_shard_iterator(**at))["ShardIterator"]
            await clock.advance_clock(seconds_later)
            return keys((await streams.get_records(ShardIterator=iterator))["Records"])

        assert await read(14 * 60) == ["a"]
        with pytest.raises(ClientError, match="ExpiredIteratorException"):
            await read(15 * 60 + 1)
        await clock.advance_clock(24 * 60 * 60)
        assert await read(0) == []
        await dynamodb.delete_table(TableName=name)
