"""The settings of an S3 source, what its notifications have to cover, and what its errors mean."""

import pytest
from pydantic import ValidationError

from connectors.aws.errors import Refusal
from connectors.s3 import SourceSettings
from connectors.s3.coverage import FAMILIES, coverage
from connectors.s3.errors import translate
from replicator.model.errors import PermanentError, TransientError

QUEUE = "arn:aws:sqs:eu-west-1:1:events"
ALL = list(FAMILIES)


def settings(**chosen):
    """Settings with these."""
    return SourceSettings(bucket="photos", queue_url="https://sqs.example/1/events", **chosen)


def test_canaries_lie_behind_the_prefix():
    """Unless they are told to lie elsewhere; they are never replicated, nor is what lacks the prefix."""
    chosen = settings(prefix="data/")
    assert chosen.canaries_prefix == "data/.replicator/"
    assert chosen.replicates("data/x")
    assert not chosen.replicates("data/.replicator/files/00")
    assert not chosen.replicates("dat")
    assert settings(markers_prefix="zz/").canaries_prefix == "zz/"


def test_canaries_cannot_take_all_of_the_prefix():
    """Then nothing would be replicated."""
    with pytest.raises(ValidationError, match="none would be replicated"):
        settings(prefix="data/x", markers_prefix="data/")


def notification(events=ALL, arn=QUEUE, **rules):
    """A notification of these events to a queue, with a filter."""
    found = {"QueueArn": arn, "Events": events}
    if rules:
        listed = [{"Name": name.title(), "Value": value} for name, value in rules.items()]
        found["Filter"] = {"Key": {"FilterRules": listed}}
    return found


def test_all_families_without_a_filter_are_enough():
    """And so are all members of a family, in several notifications."""
    found = coverage({"QueueConfigurations": [notification()]}, QUEUE, "")
    assert (found.targets_queue, found.families, found.elsewhere) == (True, (), ())
    parts = ["s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated"]
    rest = [each for each in ALL if "Removed" not in each]
    both = [notification(parts), notification(rest)]
    assert coverage({"QueueConfigurations": both}, QUEUE, "").families == ()


@pytest.mark.parametrize(
    ("found", "prefix", "missing"),
    [
        (notification(["s3:ObjectCreated:Put", *ALL[1:]]), "", {"s3:ObjectCreated:*"}),
        (notification(ALL[:1]), "", set(ALL[1:])),
        (notification(prefix="data/"), "", set(ALL)),
        (notification(prefix="data/"), "data/x/", set()),
        (notification(suffix=".jpg"), "data/", set(ALL)),
        (notification(arn=f"{QUEUE}-2"), "", set(ALL)),
    ],
)
def test_what_is_missing_is_named(found, prefix, missing):
    """By family, for every key of the prefix."""
    assert set(coverage({"QueueConfigurations": [found]}, QUEUE, prefix).families) == missing


def test_other_ways_to_the_queue_are_named():
    """EventBridge and topics may lead there as well."""
    configuration = {"EventBridgeConfiguration": {}, "TopicConfigurations": [{"TopicArn": "arn:t"}]}
    found = coverage(configuration, QUEUE, "")
    assert found.elsewhere == ("EventBridge", "SNS topic arn:t")
    assert not found.targets_queue


@pytest.mark.parametrize(
    ("code", "status", "kind", "word"),
    [
        ("SlowDown", 503, TransientError, "throttled"),
        ("", 503, TransientError, "throttled"),
        ("RequestThrottled", 403, TransientError, "throttled"),
        ("", 429, TransientError, "throttled"),
        ("InternalError", 500, TransientError, "unavailable"),
        ("RequestTimeout", 400, TransientError, "unavailable"),
        ("AccessDenied", 403, PermanentError, "s3:ListBucket"),
        ("", 403, PermanentError, "s3:ListBucket"),
        ("ExpiredToken", 400, PermanentError, "credentials"),
        ("RequestTimeTooSkewed", 403, PermanentError, "clock"),
        ("NoSuchBucket", 404, PermanentError, "name"),
        ("PermanentRedirect", 301, PermanentError, "eu-west-1"),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, PermanentError, "queue_url"),
        ("InvalidArgument", 400, PermanentError, "message"),
    ],
)
def test_errors_say_what_happens_next(code, status, kind, word):
    """With a hint of what to do, or the reason of a passing trouble; reads leave nothing in doubt."""
    error = translate(Refusal("GetObject", code, "words", status, "eu-west-1", 2.0, reads=True))
    assert type(error) is kind
    if isinstance(error, TransientError):
        assert (error.reason, error.settled, error.retry_after_seconds) == (word, True, 2.0)
    else:
        assert word in error.hint


def test_a_write_of_unknown_outcome_is_not_settled():
    """A put that was answered by 500 may have happened; one that was throttled has not."""
    assert not translate(Refusal("PutObject", "InternalError", "", 500)).settled
    assert translate(Refusal("PutObject", "SlowDown", "", 503)).settled
