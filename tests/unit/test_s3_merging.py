"""Entries of ours go into settings and come out again, and those of others stay as they are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.s3 import SourceSettings
from connectors.s3.coverage import FAMILIES, coverage
from connectors.s3.merging import (
    Ours,
    allowed,
    allowed_also,
    bucket_statement,
    document_of,
    notified,
    plain,
    rule_statement,
    unallowed,
    unnotified,
)
from replicator.model.errors import PermanentError

ARN = "arn:aws:sqs:eu-central-1:123456789012:events"
EVENTS = sorted(
    {*FAMILIES, "s3:ObjectCreated:Put", "s3:ObjectCreated:Copy", "s3:ObjectRestore:*", "s3:ObjectAcl:Put"}
)
TARGETS = {
    "QueueConfigurations": "QueueArn",
    "TopicConfigurations": "TopicArn",
    "LambdaFunctionConfigurations": "LambdaFunctionArn",
}
PARTS = st.sampled_from(["", "a", "a/", "a/b", "b", "ä b", ".json"])


def ours(pipeline="photos", **settings):
    """Whose entries they are."""
    chosen = {"bucket": "photos", "queue_url": "https://sqs/events"} | settings
    return Ours(pipeline, SourceSettings(**chosen), ARN)


@st.composite
def entries(draw, target):
    """Notifications of others to one kind of target; ours may be among their targets."""
    found = []
    for index in range(draw(st.integers(0, 3))):
        rules = {"prefix": draw(PARTS), "suffix": draw(PARTS)}
        found.append(
            {
                "Id": f"{target}-{index}",
                target: draw(st.sampled_from([ARN, "arn:aws:x:y:z:other"])),
                "Events": draw(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=4, unique=True)),
                "Filter": {"Key": {"FilterRules": [{"Name": n, "Value": v} for n, v in rules.items()]}},
            }
        )
    return found


@st.composite
def configurations(draw):
    """What a bucket may have."""
    found = {kind: draw(entries(target)) for kind, target in TARGETS.items()}
    found = {kind: value for kind, value in found.items() if value}
    return found | ({"EventBridgeConfiguration": {}} if draw(st.booleans()) else {})


@given(configurations(), PARTS, st.booleans())
def test_notifications_go_in_and_come_out(configuration, prefix, markers):
    """Unless others exclude ours, all that is needed is told, and taking ours out leaves what was there."""
    mine = ours(prefix=prefix, markers=markers, markers_prefix="marks/")
    try:
        merged = notified(configuration, mine)
    except PermanentError:
        return
    assert coverage(merged, ARN, prefix).families == ()
    assert unnotified(merged, mine) == configuration
    assert plain(notified(merged, mine)) == plain(merged)
    assert unnotified(configuration, mine) == configuration


@given(configurations())
def test_what_is_merged_is_what_the_service_takes(configuration):
    """No entry of ours shares an event with another one of overlapping keys."""
    try:
        merged = notified(configuration, ours(prefix="a/"))
    except PermanentError:
        return
    added = [each for each in merged.get("QueueConfigurations", ()) if each["Id"].startswith("replicator.")]
    others = [each for kind in TARGETS for each in configuration.get(kind, ())]
    for mine in added:
        for other in others:
            rules = {rule["Name"]: rule["Value"] for rule in other["Filter"]["Key"]["FilterRules"]}
            overlaps = "a/".startswith(rules["prefix"]) or rules["prefix"].startswith("a/")
            assert not (overlaps and set(mine["Events"]) & set(other["Events"]))


def test_other_pipelines_have_entries_of_their_own():
    """Two pipelines of one bucket do not touch each other's entries."""
    both = notified(notified({}, ours("a", prefix="a/")), ours("b", prefix="b/"))
    assert [each["Id"] for each in both["QueueConfigurations"]] == ["replicator.a", "replicator.b"]
    assert unnotified(both, ours("a")) == notified({}, ours("b", prefix="b/"))


def test_a_prefix_of_odd_characters_is_filtered_more_widely():
    """Which characters a filter wants encoded is not told, so it ends before the first doubtful one."""
    (entry,) = notified({}, ours(prefix="year=2026/a b"))["QueueConfigurations"]
    assert entry["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": "year"}]
    (entry,) = notified({}, ours(prefix="ü/"))["QueueConfigurations"]
    assert "Filter" not in entry


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"Version": "2012-10-17", "Statement": [{"Sid": "a", "Effect": "Deny"}, {"Effect": "Allow"}]},
        {"Version": "2012-10-17", "Statement": {"Sid": "a", "Effect": "Deny"}},
    ],
)
def test_statements_go_in_and_come_out(policy):
    """Other statements stay, in their order, and a policy that held nothing is none afterwards."""
    statement = bucket_statement(ours())
    merged = allowed(json.dumps(policy), ours(), statement)
    assert [each["Sid"] for each in merged["Statement"] if each.get("Resource") == ARN] == [ours().sids[0]]
    left = unallowed(json.dumps(merged), ours())
    assert plain(left) == (plain(policy) if policy.get("Statement") else {})
    assert allowed(json.dumps(merged), ours(), statement) == merged


def test_the_statement_is_for_this_bucket_alone():
    """S3 may send on behalf of the bucket, in the partition of the queue, and of no other one."""
    chinese = Ours("p", ours().settings, ARN.replace("arn:aws:", "arn:aws-cn:"))
    (statement,) = allowed("", chinese, bucket_statement(chinese))["Statement"]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": "arn:aws-cn:s3:::photos"}}
    assert statement["Sid"].isalnum()


def test_on_the_way_from_one_sender_to_the_other_both_may_send():
    """The other statement of ours goes only afterwards, and one of the same Sid is replaced at once."""
    rule = f"{ARN.rpartition(':')[0].replace('sqs', 'events')}:rule/x"
    direct = json.dumps(allowed("", ours(), bucket_statement(ours())))
    wide = allowed_also(direct, ours(), rule_statement(ours(), rule))
    assert [each["Sid"] for each in wide["Statement"]] == list(ours().sids)
    narrow = allowed(json.dumps(wide), ours(), rule_statement(ours(), rule))
    (statement,) = narrow["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": rule}}
    other = rule_statement(ours(), f"{rule}y")
    assert allowed_also(json.dumps(narrow), ours(), other)["Statement"] == [other]


@pytest.mark.parametrize("text", ["{", "[]", '{"Statement": ["x"]}'])
def test_a_policy_that_is_none_is_refused(text):
    """What cannot be read is not merged into."""
    with pytest.raises(PermanentError, match=r"cannot be read"):
        document_of(text)
