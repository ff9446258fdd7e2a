"""An S3 source puts its entries beside those of others and takes them out, and touches nothing else."""

import asyncio
import json

import pytest
from botocore.exceptions import ClientError
from s3_bucket import FAMILIES, Reading, bucket

from replicator.connector import Installs, Severity
from replicator.model.errors import PermanentError, TransientError

__all__ = ["bucket"]

STRANGE_STATEMENT = {
    "Sid": "Team",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
    "Action": ["sqs:SendMessage", "sqs:ReceiveMessage"],
    "Resource": "*",
}


def filtered(**rules):
    """The filter of a notification."""
    return {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in rules.items()]}}


class Production:
    """What a workload had set up before: a function, a queue and a topic that the bucket tells."""

    def __init__(self, bucket):
        self.bucket = bucket
        self.url = bucket.sqs.create_queue(QueueName=f"{bucket.name}-orders")["QueueUrl"]
        self.configuration = {
            "QueueConfigurations": [
                {
                    "Id": "orders",
                    "QueueArn": f"{bucket.queue_arn}-orders",
                    "Events": ["s3:ObjectCreated:Put"],
                    "Filter": filtered(prefix="orders/", suffix=".json"),
                }
            ],
            "LambdaFunctionConfigurations": [
                {
                    "Id": "thumbnails",
                    "LambdaFunctionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{bucket.name}",
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": filtered(prefix="images/"),
                }
            ],
            "EventBridgeConfiguration": {},
        }

    def set_up(self, **changes):
        """Put the configuration, as the workload's own deployment does."""
        self.configuration |= changes
        self.bucket.api.put_bucket_notification_configuration(
            Bucket=self.bucket.name, NotificationConfiguration=self.configuration
        )
        self.configuration = notifications(self.bucket)

    def allow(self):
        """Give the event queue a policy of the workload's."""
        policy = json.dumps({"Version": "2008-10-17", "Id": "team", "Statement": STRANGE_STATEMENT})
        self.bucket.sqs.set_queue_attributes(QueueUrl=self.bucket.queue_url, Attributes={"Policy": policy})


def notifications(bucket):
    """The bucket's notifications as the SDK reads them."""
    answer = bucket.api.get_bucket_notification_configuration(Bucket=bucket.name)
    answer.pop("ResponseMetadata")
    return answer


def policy(bucket):
    """The event queue's policy; empty where there is none."""
    told = bucket.sqs.get_queue_attributes(QueueUrl=bucket.queue_url, AttributeNames=["All"])
    return json.loads(told["Attributes"].get("Policy") or "{}")


async def bring(source, *, installed):
    """Make all changes, and return their places."""
    amendments = await source.amendments(installed=installed)
    for amendment in amendments:
        await source.amend(amendment)
    return [each.place for each in amendments]


@pytest.fixture
def bare(bucket):
    """A bucket that tells nobody, and a queue without a policy."""
    bucket.create(events=())
    bucket.sqs.set_queue_attributes(QueueUrl=bucket.queue_url, Attributes={"Policy": ""})
    return bucket


@pytest.fixture
def production(bare):
    """A workload around that bucket."""
    opened = Production(bare)
    yield opened
    bare.sqs.delete_queue(QueueUrl=opened.url)


async def test_installing_lets_every_event_come(bare):
    """After it the probe has nothing to say, and a put comes out of the queue as a hint."""
    source = bare.source()
    assert isinstance(source, Installs)
    places = await bring(source, installed=True)
    assert ["policy" in places[0], "notifications" in places[1]] == [True, True]
    assert [each for each in await source.probe() if each.severity is Severity.ERROR] == []
    (entry,) = notifications(bare)["QueueConfigurations"]
    assert (entry["Id"], sorted(entry["Events"])) == ("replicator.files", sorted(FAMILIES))
    reading = await Reading(source).connect()
    bare.put("a")
    await reading.until(lambda: reading.dirty == ["a"])


async def test_doing_it_again_changes_nothing(bare):
    """What is in place is left alone, also by uninstalling twice."""
    source = bare.source()
    assert len(await bring(source, installed=True)) == 2
    assert await bring(source, installed=True) == []
    assert len(await bring(source, installed=False)) == 2
    assert await bring(source, installed=False) == []
    assert notifications(bare) == {}
    assert policy(bare) == {}


async def test_looking_changes_nothing(bare):
    """Amendments say what would be, and leave everything as it is."""
    amendments = await bare.source().amendments(installed=True)
    assert [each.before for each in amendments] == [{}, {}]
    assert all(each.after for each in amendments)
    assert (notifications(bare), policy(bare)) == ({}, {})


async def test_production_survives_untouched(production):
    """Function, queue, EventBridge and policy of the workload are as they were, with ours and after it."""
    bucket = production.bucket
    production.set_up()
    production.allow()
    source = bucket.source(prefix="data/")
    await bring(source, installed=True)
    during = notifications(bucket)
    ours = [each for each in during["QueueConfigurations"] if each["Id"] == "replicator.files"]
    assert len(ours) == 1
    during["QueueConfigurations"].remove(ours[0])
    assert during == production.configuration
    assert policy(bucket)["Statement"][0] == STRANGE_STATEMENT
    await bring(source, installed=False)
    assert notifications(bucket) == production.configuration
    left = policy(bucket)
    assert left.pop("Statement") in (STRANGE_STATEMENT, [STRANGE_STATEMENT])
    assert left == {"Version": "2008-10-17", "Id": "team"}


async def test_production_is_still_told(production):
    """The workload's own queue gets its events while ours are installed."""
    bucket = production.bucket
    production.set_up()
    await bring(bucket.source(prefix="data/"), installed=True)
    bucket.put("orders/1.json")
    bodies = await received(bucket, production.url, 3)
    assert any("orders/1.json" in body for body in bodies)


async def received(bucket, url, seconds):
    """What a consumer of a queue gets in so many seconds."""
    answer = await asyncio.to_thread(
        bucket.sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds
    )
    return [message["Body"] for message in answer.get("Messages", ())]


async def test_what_others_add_meanwhile_stays(production):
    """Entries and statements that came after ours survive its removal, and so do changed ones."""
    bucket = production.bucket
    production.set_up()
    source = bucket.source(prefix="data/")
    await bring(source, installed=True)
    now = notifications(bucket)
    now["LambdaFunctionConfigurations"][0]["Events"] = ["s3:ObjectRemoved:*"]
    now["QueueConfigurations"].append(
        {
            "Id": "later",
            "QueueArn": f"{bucket.queue_arn}-orders",
            "Events": ["s3:ObjectRemoved:*"],
            "Filter": filtered(prefix="later/"),
        }
    )
    bucket.api.put_bucket_notification_configuration(Bucket=bucket.name, NotificationConfiguration=now)
    document = policy(bucket)
    document["Statement"].append(STRANGE_STATEMENT)
    bucket.sqs.set_queue_attributes(QueueUrl=bucket.queue_url, Attributes={"Policy": json.dumps(document)})
    await bring(source, installed=False)
    after = notifications(bucket)
    assert [each["Id"] for each in after["QueueConfigurations"]] == ["orders", "later"]
    assert after["LambdaFunctionConfigurations"][0]["Events"] == ["s3:ObjectRemoved:*"]
    assert policy(bucket)["Statement"] == [STRANGE_STATEMENT]


async def test_a_notification_that_excludes_ours_is_an_error(production):
    """S3 takes no two of one event for the same keys: said before anything is written, with a way out."""
    bucket = production.bucket
    production.set_up()
    with pytest.raises(PermanentError, match=r"orders.*Created:Put.*thumbnails.*Created:Copy") as caught:
        await bucket.source().amendments(installed=True)
    assert "EventBridge" in caught.value.hint
    ours = {"Id": "a", "QueueArn": bucket.queue_arn, "Events": FAMILIES}
    with pytest.raises(ClientError, match="ambiguously defined"):  # the service's own word on it
        bucket.api.put_bucket_notification_configuration(
            Bucket=bucket.name,
            NotificationConfiguration={
                "QueueConfigurations": [ours, *production.configuration["QueueConfigurations"]]
            },
        )
    assert notifications(bucket) == production.configuration
    assert policy(bucket) == {}


async def test_only_what_is_missing_is_added(bucket):
    """A notification to our queue that somebody made by hand stays, and ours has the other events."""
    bucket.create(events=["s3:ObjectCreated:Put", "s3:ObjectRemoved:*"])
    (by_hand,) = notifications(bucket)["QueueConfigurations"]
    source = bucket.source()
    await bring(source, installed=True)
    entries = {each["Id"]: each for each in notifications(bucket)["QueueConfigurations"]}
    assert entries[by_hand["Id"]] == by_hand
    assert sorted(entries["replicator.files"]["Events"]) == [
        "s3:LifecycleExpiration:*",
        "s3:ObjectCreated:CompleteMultipartUpload",
        "s3:ObjectCreated:Copy",
        "s3:ObjectCreated:Post",
        "s3:ObjectTagging:*",
    ]
    await bring(source, installed=False)
    assert notifications(bucket)["QueueConfigurations"] == [by_hand]


async def test_a_bucket_that_tells_everything_needs_nothing(bucket):
    """Where a notification made by hand covers all, ours is none, and neither is our statement."""
    bucket.create()
    assert list(await bucket.source().amendments(installed=True)) == []


async def test_canaries_elsewhere_get_a_notification_of_their_own(bare):
    """Where their prefix lies outside of what is replicated, their events come too."""
    await bring(bare.source(prefix="data/", markers=True, markers_prefix="marks/"), installed=True)
    entries = {each["Id"]: each for each in notifications(bare)["QueueConfigurations"]}
    assert entries["replicator.files.canaries"]["Events"] == ["s3:ObjectCreated:*"]
    assert len(entries) == 2


async def test_a_setting_that_changed_since_is_not_written(production):
    """Between the look and the write somebody deployed: nothing is lost, and looking again goes on."""
    bucket = production.bucket
    source = bucket.source(prefix="data/")
    *_, amendment = await source.amendments(installed=True)
    production.set_up()
    with pytest.raises(TransientError) as caught:
        await source.amend(amendment)
    assert (caught.value.settled, caught.value.reason) == (True, "changed")
    assert notifications(bucket) == production.configuration


async def test_our_name_for_another_queue_is_an_error(bare):
    """An entry of our Id that goes elsewhere is not taken over or taken out."""
    await bring(bare.source(), installed=True)
    other = bare.sqs.create_queue(QueueName=f"{bare.name}-other")["QueueUrl"]
    try:
        for installed in (True, False):
            with pytest.raises(PermanentError, match=r"replicator\.files") as caught:
                await bare.source(queue_url=other).amendments(installed=installed)
            assert caught.value.hint
    finally:
        bare.sqs.delete_queue(QueueUrl=other)


async def test_a_fifo_queue_is_refused(bare):
    """S3 sends to none, which is said before anything is written."""
    url = bare.sqs.create_queue(QueueName=f"{bare.name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    try:
        with pytest.raises(PermanentError, match="FIFO"):
            await bare.source(queue_url=url).amendments(installed=True)
    finally:
        bare.sqs.delete_queue(QueueUrl=url)
