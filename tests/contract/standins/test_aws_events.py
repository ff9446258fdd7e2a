"""S3's event notifications: their shape, which are sent where, and what a script lets befall them."""

import json
import time
from itertools import pairwise
from urllib.parse import unquote_plus

import pytest
from botocore.exceptions import ClientError

WAIT_SECONDS_MAX = 10
EVERYTHING = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*", "s3:LifecycleExpiration:*"]


@pytest.fixture
def sqs(client_of, environment):
    """A client of SQS."""
    return client_of(environment, "sqs")


@pytest.fixture
def queue(sqs, name):
    """URL and ARN of a queue that goes with the test."""
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    yield url, f"arn:aws:sqs:us-east-1:000000000000:{name}"
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def bucket(s3, name):
    """A bucket without a configuration, emptied and deleted afterwards."""
    s3.create_bucket(Bucket=name)
    yield name
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    listed = s3.list_object_versions(Bucket=name)
    for found in listed.get("Versions", []) + listed.get("DeleteMarkers", []):
        s3.delete_object(Bucket=name, Key=found["Key"], VersionId=found["VersionId"])
    s3.delete_bucket(Bucket=name)


@pytest.fixture
def configure(s3, bucket, queue):
    """Puts a notification configuration with the test's queue."""

    def put(events=EVERYTHING, rules=(), **more):
        one = {"QueueArn": queue[1], "Events": list(events)}
        if rules:
            one["Filter"] = {"Key": {"FilterRules": [{"Name": n, "Value": v} for n, v in rules]}}
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [one]} | more
        )

    return put


@pytest.fixture
def messages(sqs, queue):
    """Takes messages from the test's queue until there are so many, and says that no more are there."""

    def take(count, seconds=WAIT_SECONDS_MAX):
        taken, deadline = [], time.monotonic() + seconds
        while len(taken) < count and time.monotonic() < deadline:
            answer = sqs.receive_message(QueueUrl=queue[0], MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                taken.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue[0], ReceiptHandle=message["ReceiptHandle"])
        assert "Messages" not in sqs.receive_message(QueueUrl=queue[0])
        assert len(taken) == count
        return taken

    return take


@pytest.fixture
def events(messages):
    """Takes so many events: name and object of each."""

    def take(count):
        records = [record for message in messages(count) for record in message["Records"]]
        return [(record["eventName"], record["s3"]["object"]) for record in records]

    return take


@pytest.fixture
async def distort(aws, bucket):
    """Sets what befalls the events of the test's bucket."""

    async def settle(**distortion):
        await aws.distort_events(bucket, **distortion)

    yield settle
    await aws.clear_events(bucket)


def test_a_configuration_is_tried_by_a_test_event_and_comes_back(s3, bucket, configure, messages):
    """The queue gets an s3:TestEvent without records, and the configuration reads as it was put."""
    configure(["s3:ObjectCreated:Put"], [("prefix", "in/"), ("suffix", "&.txt")])
    (tried,) = messages(1)
    assert (tried["Event"], tried["Bucket"]) == ("s3:TestEvent", bucket)
    assert "Records" not in tried
    (one,) = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert one["Events"] == ["s3:ObjectCreated:Put"]
    rules = [(rule["Name"].lower(), rule["Value"]) for rule in one["Filter"]["Key"]["FilterRules"]]
    assert rules == [("prefix", "in/"), ("suffix", "&.txt")]


def test_a_configuration_without_its_queue_is_refused(s3, bucket):
    """A destination that is not there, or is FIFO, is an InvalidArgument."""
    for queue in ("nowhere", "orders.fifo"):
        arn = f"arn:aws:sqs:us-east-1:000000000000:{queue}"
        wanted = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
        with pytest.raises(ClientError, match="InvalidArgument"):
            s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)


def test_every_write_has_its_event(s3, bucket, configure, messages):
    """Created, copied, tagged and removed objects each make one record in the shape that S3 documents."""
    configure()
    messages(1)
    key = "a b+c/é&<.txt"
    etag = s3.put_object(Bucket=bucket, Key=key, Body=b"hello")["ETag"].strip('"')
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key})
    s3.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_object_tagging(Bucket=bucket, Key=key)
    s3.delete_object(Bucket=bucket, Key="copy")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}], "Quiet": True})
    records = [message["Records"][0] for message in messages(6)]
    assert [record["eventName"] for record in records] == [
        "ObjectCreated:Put",
        "ObjectCreated:Copy",
        "ObjectTagging:Put",
        "ObjectTagging:Delete",
        "ObjectRemoved:Delete",
        "ObjectRemoved:Delete",
    ]
    encoded = "a+b%2Bc/%C3%A9%26%3C.txt"
    objects = [record["s3"]["object"] for record in records]
    assert [each["key"] for each in objects] == [encoded, "copy", encoded, encoded, "copy", encoded]
    assert [(each.get("size"), each.get("eTag")) for each in objects[:2]] == [(5, etag)] * 2
    assert set(objects[4]) == {"key", "sequencer"}
    assert "sequencer" not in objects[2]
    assert int(objects[0]["sequencer"], 16) < int(objects[5]["sequencer"], 16)
    first = records[0]
    assert first["eventSource"] == "aws:s3"
    assert first["eventVersion"].startswith("2.")
    assert first["eventTime"].endswith("Z")
    assert first["s3"]["bucket"]["name"] == bucket


def test_an_assembled_object_has_its_size(s3, bucket, configure, events, messages):
    """CompleteMultipartUpload makes one event with size and ETag of the whole; parts make none."""
    configure()
    messages(1)
    upload = {"Bucket": bucket, "Key": "big"}
    upload["UploadId"] = s3.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    etags = [
        s3.upload_part(**upload, PartNumber=n, Body=b"x" * size)["ETag"]
        for n, size in ((1, 5 * 1024 * 1024), (2, 7))
    ]
    parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]
    etag = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})["ETag"]
    ((event, described),) = events(1)
    assert event == "ObjectCreated:CompleteMultipartUpload"
    assert (described["size"], described["eTag"]) == (5 * 1024 * 1024 + 7, etag.strip('"'))


def test_versions_and_delete_markers_are_named(s3, bucket, configure, events, messages):
    """In a versioned bucket events carry versions, and a plain delete makes a marker."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    configure()
    messages(1)
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=put)
    assert [(event, described["versionId"]) for event, described in events(3)] == [
        ("ObjectCreated:Put", put),
        ("ObjectRemoved:DeleteMarkerCreated", marker),
        ("ObjectRemoved:Delete", put),
    ]


def test_families_and_filters_are_honoured(s3, bucket, configure, events, messages):
    """Only wanted events on keys with the prefix and the suffix come, and failed writes make none."""
    configure(["s3:ObjectCreated:Put"], [("prefix", "in/"), ("suffix", ".txt")])
    messages(1)
    for key in ("in/a.txt", "out/a.txt", "in/a.csv"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.delete_object(Bucket=bucket, Key="in/a.txt")
    s3.copy_object(Bucket=bucket, Key="in/b.txt", CopySource={"Bucket": bucket, "Key": "out/a.txt"})
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="out/a.txt", Body=b"y", IfNoneMatch="*")
    assert [described["key"] for _, described in events(1)] == ["in/a.txt"]


async def test_a_lifecycle_rule_expires_on_request(s3, bucket, aws, configure, events, messages):
    """The object is gone, and the event is of the lifecycle and not of a removal."""
    configure()
    s3.put_object(Bucket=bucket, Key="old/é", Body=b"x")
    messages(2)
    await aws.expire_object(bucket, "old/é")
    assert [event for event, _ in events(1)] == ["LifecycleExpiration:Delete"]
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    with pytest.raises(ValueError, match="no object"):
        await aws.expire_object(bucket, "old/é")


async def test_eventbridge_has_a_form_of_its_own(s3, bucket, queue, aws, configure, messages):
    """A queue named as the target of a rule gets envelopes, with keys as they are."""
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    await aws.bridge_events(bucket, queue[1])
    read = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert read["EventBridgeConfiguration"] == {}
    s3.put_object(Bucket=bucket, Key="a b/é", Body=b"x")
    s3.put_object_tagging(Bucket=bucket, Key="a b/é", Tagging={"TagSet": []})
    s3.delete_object(Bucket=bucket, Key="a b/é")
    created, tagged, deleted = messages(3)
    assert (created["source"], created["detail-type"]) == ("aws.s3", "Object Created")
    assert created["detail"]["bucket"]["name"] == bucket
    assert created["detail"]["reason"] == "PutObject"
    described = created["detail"]["object"]
    assert (described["key"], described["size"]) == ("a b/é", 1)
    assert described["sequencer"] < deleted["detail"]["object"]["sequencer"]
    assert tagged["detail-type"] == "Object Tags Added"
    assert deleted["detail-type"] == "Object Deleted"
    assert deleted["detail"]["deletion-type"] == "Permanently Deleted"
    assert "etag" not in deleted["detail"]["object"]


def test_odd_keys_are_encoded_as_a_form(s3, bucket, configure, events, messages):
    """Whatever a key is made of, its event leads back to it."""
    keys = ["./a", "a//b", "\\", "é\u0080", "x/", "&#38;", "a\tb", "\U0001f600", "%2F+ "]
    configure()
    messages(1)
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    told = [(event, unquote_plus(described["key"])) for event, described in events(2 * len(keys))]
    assert [key for event, key in told if event == "ObjectCreated:Put"] == keys
    assert [key for event, key in told if event == "ObjectRemoved:Delete"] == keys


def put_many(s3, bucket, count):
    """Put objects named by number."""
    for number in range(count):
        s3.put_object(Bucket=bucket, Key=f"{number:03}", Body=b"x")


async def test_events_come_late_and_out_of_order(s3, bucket, aws, distort, configure, events, messages):
    """With a delay they are on their way for a while, and do not keep their order."""
    configure()
    messages(1)
    await distort(seed=1, delay_seconds=1.0)
    put_many(s3, bucket, 20)
    assert (await aws.events())["pending"] > 0
    keys = [described["key"] for _, described in events(20)]
    assert sorted(keys) == [f"{number:03}" for number in range(20)]
    assert any(later < earlier for earlier, later in pairwise(keys))


async def test_events_on_their_way_can_be_sent_at_once(
    s3, bucket, aws, distort, configure, events, messages
):
    """A flush leaves nothing pending."""
    configure()
    messages(1)
    await distort(delay_seconds=3600)
    put_many(s3, bucket, 3)
    assert (await aws.events())["pending"] >= 3
    await aws.flush_events()
    assert len(events(3)) == 3


async def test_shares_of_events_are_lost_repeated_and_reordered(
    s3, bucket, aws, distort, configure, events, messages
):
    """The shares are about as wanted, and the same again with the same seed."""
    configure()
    messages(1)
    seen = []
    for _ in range(2):
        before = (await aws.events())["counts"].get("sent", 0)
        await distort(seed=7, repeat=0.3, lose=0.3, reorder=0.3, behind_seconds=60)
        put_many(s3, bucket, 30)
        await aws.flush_events()
        sent = (await aws.events())["counts"]["sent"] - before
        seen.append([described["key"] for _, described in events(sent)])
    assert sorted(seen[0]) == sorted(seen[1])
    once = set(seen[0])
    assert 12 <= len(once) <= 28
    assert 2 <= len(seen[0]) - len(once) <= 16
    assert seen[0] != sorted(seen[0])


async def test_a_write_whose_answer_is_lost_has_its_event(s3, bucket, aws, configure, events, messages):
    """The effect has happened, and S3 tells of it."""
    configure()
    messages(1)
    await aws.add_fault("error_after", service="s3", operation="PutObject", bucket=bucket, status=503)
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert [described["key"] for _, described in events(1)] == ["k"]


async def test_rules_of_eventbridge_are_obeyed(
    s3, bucket, queue, configure, client_of, environment, messages
):
    """A rule's target gets what its pattern matches, and nothing once it is off."""
    events = client_of(environment, "events")
    pattern = {
        "source": ["aws.s3"],
        "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": "a/"}]}},
    }
    events.put_rule(Name=bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=bucket, Targets=[{"Id": "queue", "Arn": queue[1]}])
    s3.put_object(Bucket=bucket, Key="a/too-early", Body=b"x")
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    s3.put_object(Bucket=bucket, Key="a/ü b", Body=b"x")
    s3.put_object(Bucket=bucket, Key="b", Body=b"x")
    (message,) = messages(1)
    assert message["detail"]["object"]["key"] == "a/ü b"
    events.disable_rule(Name=bucket)
    s3.put_object(Bucket=bucket, Key="a/2", Body=b"x")
    messages(0)
    events.remove_targets(Rule=bucket, Ids=["queue"])
    events.delete_rule(Name=bucket)
