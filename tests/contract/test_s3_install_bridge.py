"""An S3 source has its events come through EventBridge, beside what others have there, and takes it out."""

import json

import boto3
import pytest
from s3_bucket import FAMILIES, Reading, bucket
from test_s3_install import STRANGE_STATEMENT, bare, bring, notifications, policy

from replicator.connector import Severity
from replicator.model.errors import PermanentError, TransientError

__all__ = ["bare", "bucket"]

SWITCHED = {"EventBridgeConfiguration": {}}


class Bus:
    """The default bus, used through boto3; the rules of a test go with it."""

    def __init__(self, bucket):
        self.events = boto3.client("events")
        self.bucket = bucket

    def rules(self):
        """The rules about the test's bucket, each as it can be written, with its targets."""
        pages = self.events.get_paginator("list_rules").paginate()
        found = [rule for page in pages for rule in page["Rules"]]
        about = [rule for rule in found if f'"{self.bucket.name}"' in rule.get("EventPattern", "")]
        return {
            rule["Name"]: (
                json.loads(rule["EventPattern"]),
                rule["State"],
                rule.get("Description", ""),
                self.events.list_targets_by_rule(Rule=rule["Name"])["Targets"],
            )
            for rule in about
        }

    @property
    def ours(self):
        """The name of the one rule that is ours."""
        (name,) = [name for name in self.rules() if name.startswith("replicator.")]
        return name

    def put(self, name, arn, **detail):
        """A rule of the workload's about the bucket."""
        pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [self.bucket.name]}} | detail}
        self.events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        self.events.put_targets(Rule=name, Targets=[{"Id": "theirs", "Arn": arn}])

    def switch(self, **more):
        """Let the bucket tell EventBridge, as somebody's deployment does."""
        self.bucket.api.put_bucket_notification_configuration(
            Bucket=self.bucket.name, NotificationConfiguration=SWITCHED | more
        )

    def drop(self):
        """Delete what is left about the bucket."""
        for name, (*_, targets) in self.rules().items():
            if targets:
                self.events.remove_targets(Rule=name, Ids=[each["Id"] for each in targets])
            self.events.delete_rule(Name=name)
        self.events.close()


@pytest.fixture
def bus(bare):
    """The bus, a bucket that tells nobody, and a queue without a policy."""
    opened = Bus(bare)
    yield opened
    opened.drop()


def through(bucket, **settings):
    """A source whose events are to come through EventBridge."""
    return bucket.source(event_bridge=True, **settings)


async def errors(source):
    """What stands in the way."""
    return [each.message for each in await source.probe() if each.severity is Severity.ERROR]


async def test_installing_lets_every_event_come(bus, local_clouds):
    """The probe misses all of it before, and nothing after; puts, tags, deletes and expirations come."""
    bucket = bus.bucket
    source = through(bucket)
    assert len(await errors(source)) == 3
    places = await bring(source, installed=True)
    assert [each.split()[0] for each in places] == ["policy", "rule", "notifications"]
    assert await errors(source) == []
    assert notifications(bucket) == SWITCHED
    reading = await Reading(source).connect()
    bucket.put("a b/ü")
    await reading.until(lambda: reading.dirty == ["a b/ü"])
    bucket.api.put_object_tagging(Bucket=bucket.name, Key="a b/ü", Tagging={"TagSet": []})
    await reading.until(lambda: len(reading.dirty) == 2)
    await local_clouds.aws.expire_object(bucket.name, "a b/ü")
    await reading.until(lambda: len(reading.dirty) == 3)
    bucket.delete("a b/ü")
    await reading.until(lambda: reading.dirty == ["a b/ü"] * 4)


async def test_doing_it_again_changes_nothing(bus):
    """What is in place is left alone, also by uninstalling twice; nothing is left in the end."""
    source = through(bus.bucket)
    assert len(await bring(source, installed=True)) == 3
    assert await bring(source, installed=True) == []
    places = await bring(source, installed=False)
    assert [each.split()[0] for each in places] == ["notifications", "rule", "policy"]
    assert await bring(source, installed=False) == []
    assert (notifications(bus.bucket), bus.rules(), policy(bus.bucket)) == ({}, {}, {})


async def test_looking_changes_nothing(bus):
    """Amendments say what would be, and leave everything as it is."""
    amendments = await through(bus.bucket).amendments(installed=True)
    assert [each.before for each in amendments] == [{}, {}, {}]
    assert all(each.after for each in amendments)
    assert (notifications(bus.bucket), bus.rules(), policy(bus.bucket)) == ({}, {}, {})


async def test_production_survives_untouched(bus):
    """The workload's notifications, rules and policy are as they were, with ours and after them."""
    bucket = bus.bucket
    function = {
        "Id": "thumbnails",
        "LambdaFunctionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{bucket.name}",
        "Events": ["s3:ObjectCreated:*"],
    }
    bus.switch(LambdaFunctionConfigurations=[function])
    bus.put(f"{bucket.name}-theirs", f"{bucket.queue_arn}-theirs")
    document = json.dumps({"Version": "2008-10-17", "Id": "team", "Statement": [STRANGE_STATEMENT]})
    bucket.sqs.set_queue_attributes(QueueUrl=bucket.queue_url, Attributes={"Policy": document})
    before = notifications(bucket), bus.rules(), policy(bucket)
    with pytest.raises(PermanentError, match="thumbnails") as caught:
        await bucket.source().amendments(installed=True)
    assert "event_bridge" in caught.value.hint
    source = through(bucket)
    assert len(await bring(source, installed=True)) == 2
    assert await errors(source) == []
    during = bus.rules()
    del during[bus.ours]
    assert (notifications(bucket), during) == before[:2]
    assert policy(bucket)["Statement"][0] == STRANGE_STATEMENT
    assert len(await bring(source, installed=False)) == 2
    assert (notifications(bucket), bus.rules(), policy(bucket)) == before


async def test_the_switch_stays_while_others_may_need_it(bus):
    """Somebody's rule that came after ours is still fed."""
    bucket = bus.bucket
    source = through(bucket)
    await bring(source, installed=True)
    bus.put(f"{bucket.name}-later", bucket.queue_arn)
    await bring(source, installed=False)
    assert notifications(bucket) == SWITCHED
    assert list(bus.rules()) == [f"{bucket.name}-later"]


async def test_two_pipelines_of_a_bucket_put_the_switch_back_together(bus):
    """The first to go leaves it for the second, and the second, which found it on, turns it off."""
    bucket = bus.bucket
    first, second = through(bucket, prefix="a/"), through(bucket, pipeline="others", prefix="b/")
    await bring(first, installed=True)
    await bring(second, installed=True)
    assert len(bus.rules()) == 2
    await bring(first, installed=False)
    assert notifications(bucket) == SWITCHED
    await bring(second, installed=False)
    assert (notifications(bucket), bus.rules(), policy(bucket)) == ({}, {}, {})


async def test_targets_that_others_gave_our_rule_stay(bus):
    """The rule stays for them, and so does the switch."""
    bucket = bus.bucket
    source = through(bucket)
    await bring(source, installed=True)
    theirs = {"Id": "theirs", "Arn": f"{bucket.queue_arn}-theirs"}
    bus.events.put_targets(Rule=bus.ours, Targets=[theirs])
    assert await bring(source, installed=True) == []
    await bring(source, installed=False)
    assert bus.rules()[bus.ours][3] == [theirs]
    assert notifications(bucket) == SWITCHED


async def test_only_what_is_needed_comes(bus):
    """Keys outside of the prefix do not; canaries elsewhere do."""
    bucket = bus.bucket
    source = through(bucket, prefix="data/", markers=True, markers_prefix="marks/", heartbeat_seconds=0.5)
    await bring(source, installed=True)
    assert await errors(source) == []
    ((pattern, *_),) = bus.rules().values()
    assert pattern["detail"]["object"] == {"key": [{"prefix": "data/"}, {"prefix": "marks/"}]}
    reading = await Reading(source).connect()
    mark = await source.mark()
    bucket.put("other/x", "data/x")
    await reading.until(lambda: mark in reading.marks and reading.dirty)
    assert reading.dirty == ["data/x"]


async def test_a_rule_that_was_changed_is_brought_back(bus):
    """Disabled, or with another pattern, it is an error to the probe, and installing mends it."""
    bucket = bus.bucket
    source = through(bucket)
    await bring(source, installed=True)
    whole = bus.rules()
    bus.events.disable_rule(Name=bus.ours)
    assert len(await errors(source)) == 1
    assert len(await bring(source, installed=True)) == 1
    assert bus.rules() == whole
    wider = through(bucket, prefix="data/")
    assert len(await errors(wider)) == 1
    assert len(await bring(wider, installed=True)) == 1
    assert await errors(wider) == []


async def test_a_rule_that_changed_since_is_not_written(bus):
    """Between the look and the write somebody deployed: nothing is lost, and looking again goes on."""
    source = through(bus.bucket)
    _, amendment, _ = await source.amendments(installed=True)
    name = amendment.place.split()[1]
    bus.put(name, f"{bus.bucket.queue_arn}-theirs")
    before = bus.rules()
    with pytest.raises(TransientError) as caught:
        await source.amend(amendment)
    assert (caught.value.settled, caught.value.reason) == (True, "changed")
    assert bus.rules() == before


async def test_our_name_for_another_queue_is_an_error(bus):
    """A rule of our name whose target is another queue is not taken over."""
    bucket = bus.bucket
    await bring(through(bucket), installed=True)
    other = bucket.sqs.create_queue(QueueName=f"{bucket.name}-other")["QueueUrl"]
    try:
        with pytest.raises(PermanentError, match=r"replicator\.files") as caught:
            await through(bucket, queue_url=other).amendments(installed=True)
        assert caught.value.hint
    finally:
        bucket.sqs.delete_queue(QueueUrl=other)


async def test_a_queue_of_another_region_is_refused(bus):
    """A rule cannot send there, which is said before anything is written."""
    bucket = bus.bucket
    source = through(bucket, region="eu-west-1", queue_region="us-east-1")
    with pytest.raises(PermanentError, match="account and region"):
        await source.amendments(installed=True)
    assert (bus.rules(), policy(bucket)) == ({}, {})


@pytest.mark.parametrize("first", [True, False])
async def test_the_way_can_be_changed(bus, first):
    """Installing after the setting was changed takes the other way out; the queue is open throughout."""
    bucket = bus.bucket
    await bring(bucket.source(event_bridge=first), installed=True)
    source = bucket.source(event_bridge=not first)
    places = [each.split()[0] for each in await bring(source, installed=True)]
    assert (places[0], places[-1]) == ("policy", "policy")
    assert await errors(source) == []
    assert len(policy(bucket)["Statement"]) == 1
    if first:
        assert bus.rules() == {}
        (entry,) = notifications(bucket)["QueueConfigurations"]
        assert sorted(entry["Events"]) == sorted(FAMILIES)
        assert "EventBridgeConfiguration" not in notifications(bucket)
    else:
        assert notifications(bucket) == SWITCHED
        assert len(bus.rules()) == 1
    await bring(source, installed=False)
    assert (notifications(bucket), bus.rules(), policy(bucket)) == ({}, {}, {})


async def test_without_the_right_to_see_rules_the_probe_warns(bus, local_clouds):
    """What cannot be seen is not claimed to be missing."""
    await local_clouds.aws.add_fault(
        kind="error",
        service="awsevents",
        operation="DescribeRule",
        status=400,
        code="AccessDeniedException",
    )
    try:
        found = await through(bus.bucket).probe()
    finally:
        await local_clouds.aws.clear_faults()
    (finding,) = [each for each in found if "EventBridge sends" in each.message]
    assert (finding.severity, "events:DescribeRule" in finding.hint) == (Severity.WARNING, True)
