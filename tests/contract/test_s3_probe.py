"""A probe of an S3 source finds what stands in the way, says how to mend it, and changes nothing."""

import json

import boto3
import pytest
from s3_bucket import FAMILIES, Reading, bucket

from connectors.s3.answers import Listed
from connectors.s3.sample import LOOKED_INTO_MAX, chosen, sampled
from replicator.connector import Severity
from replicator.model.errors import PermanentError

__all__ = ["bucket"]


async def probed(source):
    """The findings of a severity, as text with their hints."""
    findings = await source.probe()
    assert all(each.hint for each in findings)
    errors = [each.message for each in findings if each.severity is Severity.ERROR]
    return errors, [each.message for each in findings if each.severity is Severity.WARNING]


async def test_a_good_bucket_has_no_errors(bucket):
    """With every family on its way and canaries allowed there is nothing to say, and nothing is written."""
    bucket.create()
    bucket.put("a", Tagging="t=v")
    assert await probed(bucket.source(markers=True)) == ([], [])
    errors, warnings = await probed(bucket.source())
    assert errors == []
    assert [each for each in warnings if "markers are off" in each] == warnings
    listed = bucket.api.list_objects_v2(Bucket=bucket.name)
    assert [each["Key"] for each in listed["Contents"]] == ["a"]


async def test_a_missing_bucket_and_a_missing_queue_are_findings(bucket):
    """Both are told at once, and neither is waited for."""
    bucket.create()
    absent = bucket.source(bucket=f"{bucket.name}-no", queue_url=f"{bucket.queue_url}-no")
    errors, _ = await probed(absent)
    assert any("NoSuchBucket" in each for each in errors)
    assert any("NonExistentQueue" in each or "QueueDoesNotExist" in each for each in errors)
    assert not any(each.passing for each in await absent.probe())
    with pytest.raises(PermanentError):
        await absent.connect(None)


async def test_a_bucket_without_notifications_is_an_error(bucket):
    """So is one that tells another queue."""
    bucket.create(events=())
    errors, _ = await probed(bucket.source())
    assert any("sends no events to the queue" in each for each in errors)


async def test_missing_families_are_told(bucket):
    """Removals are vital; taggings and expirations are rarer."""
    bucket.create(events=["s3:ObjectCreated:*"])
    errors, warnings = await probed(bucket.source())
    assert [each for each in errors if "s3:ObjectRemoved:*" in each] == errors
    assert sum("s3:ObjectTagging:*" in each or "s3:LifecycleExpiration:*" in each for each in warnings) == 2


async def test_a_filter_narrower_than_the_prefix_is_an_error(bucket):
    """Keys outside of the notification's filter would be missed; a wider filter is fine."""
    bucket.create(filters=[("prefix", "data/")])
    errors, _ = await probed(bucket.source())
    assert len(errors) == 2
    errors, _ = await probed(bucket.source(prefix="data/x/"))
    assert errors == []
    errors, _ = await probed(bucket.source(prefix="data/x/", markers=True, markers_prefix="marks/"))
    assert [each for each in errors if "canaries" in each] == errors != []


async def test_events_through_eventbridge_are_taken_on_trust(bucket):
    """Rules cannot be followed from here, which is a warning."""
    bucket.create(events=())
    bucket.api.put_bucket_notification_configuration(
        Bucket=bucket.name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    errors, warnings = await probed(bucket.source())
    assert errors == []
    assert any("EventBridge" in each for each in warnings)


async def test_a_queue_that_drops_messages_is_told(bucket):
    """A dead-letter queue and a short retention take events away from replication."""
    bucket.create(MessageRetentionPeriod="3600")
    other = bucket.sqs.create_queue(QueueName=f"{bucket.name}-dlq")["QueueUrl"]
    arn = bucket.queue_arn + "-dlq"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    bucket.sqs.set_queue_attributes(QueueUrl=bucket.queue_url, Attributes={"RedrivePolicy": policy})
    _, warnings = await probed(bucket.source())
    bucket.sqs.delete_queue(QueueUrl=other)
    assert any("3600 s" in each for each in warnings)
    assert any("3 times" in each for each in warnings)


async def test_versions_are_remarked(bucket):
    """A bucket that keeps versions is replicated by its current ones."""
    bucket.create()
    bucket.api.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    _, warnings = await probed(bucket.source())
    assert any("versions" in each for each in warnings)
    bucket.api.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Suspended"})


async def test_archived_objects_are_counted(bucket):
    """A list of the bucket tells how many cannot be read, and that all keys were looked at."""
    bucket.create()
    bucket.put("cold", "colder", StorageClass="GLACIER")
    bucket.put("warm")
    _, warnings = await probed(bucket.source(markers=True))
    assert warnings == ["2 of all 3 keys are archived, such as 'cold', and cannot be read"]
    (said,) = sampled([Listed("a", 0, "", "", "DEEP_ARCHIVE")], whole=False)
    assert "1 of the first 1 keys, a sample," in said.message


async def test_objects_that_cannot_be_copied_are_counted(bucket):
    """Each becomes a dead letter and none is an error, wherever in the list it is."""
    bucket.create()
    secret = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    bucket.put("a-first", **secret)
    bucket.put("b", "c")
    bucket.put("d", WebsiteRedirectLocation="/elsewhere")
    errors, (warning,) = await probed(bucket.source(markers=True))
    assert errors == []
    assert "in a sample of 4 objects 2 cannot be copied as they are, the first: object 'a-first'" in warning


def test_a_sample_is_spread():
    """No more than the bound, over all of the keys."""
    assert list(chosen([])) == []
    assert list(chosen(["a", "b"])) == ["a", "b"]
    keys = chosen([str(number) for number in range(LOOKED_INTO_MAX * 10 + 1)])
    assert len(keys) <= LOOKED_INTO_MAX
    assert keys[-1] == str(LOOKED_INTO_MAX * 10 // 11 * 11)


async def test_lists_of_access_are_told(bucket):
    """Where objects may have some of their own."""
    bucket.create()
    rule = {"ObjectOwnership": "ObjectWriter"}
    bucket.api.put_bucket_ownership_controls(Bucket=bucket.name, OwnershipControls={"Rules": [rule]})
    _, (warning,) = await probed(bucket.source(markers=True))
    assert "access control lists" in warning


async def test_a_key_of_the_key_service_is_told(bucket):
    """Copies are encrypted by the target's account, and reading needs the right to decrypt."""
    bucket.create()
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    bucket.api.put_bucket_encryption(
        Bucket=bucket.name, ServerSideEncryptionConfiguration={"Rules": [default]}
    )
    _, warnings = await probed(bucket.source(markers=True))
    assert any("key of the key service" in each for each in warnings)


async def test_an_unreachable_service_may_pass(bucket):
    """Nobody listening is a finding that may go away by itself."""
    source = bucket.create().source(endpoint_url="http://127.0.0.1:9")
    errors = [each for each in await source.probe() if each.severity is Severity.ERROR]
    assert errors
    assert all(each.passing for each in errors)


async def test_missing_credentials_are_told(bucket, monkeypatch, tmp_path):
    """Without credentials nothing is sent, and the hint names the chain."""
    bucket.create()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    (finding,) = await bucket.source().probe()
    assert "redential" in finding.message
    assert "default chain" in finding.hint


@pytest.mark.parametrize("way", ["sns", "eventbridge"])
async def test_events_come_through_other_services(bucket, local_clouds, way):
    """An envelope of SNS and an event of EventBridge name the same key as S3 itself."""
    bucket.create(events=())
    if way == "sns":
        _through_sns(bucket)
    else:
        _through_eventbridge(bucket)
    reading = await Reading(bucket.source()).connect()
    bucket.put("a b+c/ü%20.txt")
    await reading.until(lambda: reading.dirty == ["a b+c/ü%20.txt"])


def _through_sns(bucket):
    sns = boto3.client("sns")
    topic = sns.create_topic(Name=bucket.name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=bucket.queue_arn)
    notification = {"TopicArn": topic, "Events": FAMILIES}
    bucket.api.put_bucket_notification_configuration(
        Bucket=bucket.name, NotificationConfiguration={"TopicConfigurations": [notification]}
    )


def _through_eventbridge(bucket):
    events = boto3.client("events")
    pattern = json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket.name]}}})
    events.put_rule(Name=bucket.name, EventPattern=pattern)
    events.put_targets(Rule=bucket.name, Targets=[{"Id": "queue", "Arn": bucket.queue_arn}])
    bucket.api.put_bucket_notification_configuration(
        Bucket=bucket.name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
