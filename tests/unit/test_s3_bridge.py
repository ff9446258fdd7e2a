"""Our rule goes into EventBridge and comes out, and the bucket's switch is put back only if it is ours."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.s3 import SourceSettings, bridge
from connectors.s3.bridge import Bus, Rule
from connectors.s3.merging import Ours
from connectors.s3.probe import bridged
from replicator.model.errors import PermanentError

QUEUE = "arn:aws:sqs:eu-central-1:123456789012:events"
BUS = "arn:aws:events:eu-central-1:123456789012:event-bus/default"
ON = {"EventBridgeConfiguration": {}}
THEIRS = {"Id": "theirs", "Arn": "arn:aws:lambda:eu-central-1:123456789012:function:x"}

targets = st.lists(st.sampled_from([THEIRS, {"Id": "more", "Arn": "arn:m"}]), max_size=2, unique_by=str)
configurations = st.sampled_from([{}, ON, {"TopicConfigurations": [{"TopicArn": "t", "Events": []}]}])


def ours(pipeline="photos", **settings):
    """Whose rule it is."""
    chosen = {"bucket": "photos", "queue_url": "https://sqs/events"} | settings
    return Ours(pipeline, SourceSettings(**chosen), QUEUE)


def waiting(**pattern):
    """A rule of somebody's that waits for this."""
    return Rule("theirs", {"EventPattern": pattern})


@given(configurations, st.sampled_from(["", "a/", "ü b/"]))
def test_all_goes_in_and_comes_out(configuration, prefix):
    """Taking ours out leaves what was there, and putting it in twice is putting it in once."""
    mine = ours(prefix=prefix)
    rule = bridge.ruled({}, Bus(BUS), configuration, mine)
    during = bridge.switched_on(configuration)
    bus = Bus(BUS, (Rule(bridge.rule_name(mine), rule),))
    assert bridge.is_told(rule, mine)
    assert bridge.ruled(rule, bus, during, mine) == rule
    assert bridge.switched_on(during) == during
    assert bridge.switched_back(during, rule, bus, mine) == configuration
    assert bridge.unruled(rule) == {}


@given(targets)
def test_targets_of_others_stay_in_our_rule(others):
    """In their order, and the rule with them."""
    mine = ours()
    rule = bridge.ruled({"Targets": others}, Bus(BUS), {}, mine)
    assert bridge.unruled(rule).get("Targets", []) == others
    assert bridge.switched_back(ON, rule, Bus(BUS), mine) == (ON if others else {})


def test_a_target_of_our_name_that_is_another_queue_is_an_error():
    """It is of another deployment of the same name."""
    rule = {"Targets": [{"Id": "replicator", "Arn": f"{QUEUE}-other"}]}
    with pytest.raises(PermanentError, match="events-other"):
        bridge.ruled(rule, Bus(BUS), {}, ours())


@pytest.mark.parametrize(
    ("rule", "may_be_fed"),
    [
        (waiting(source=["aws.s3"]), True),
        (waiting(source=["aws.ec2"]), False),
        (waiting(source=[{"prefix": "aws."}]), True),
        (waiting(**{"detail-type": ["Object Created"]}), True),
        (waiting(source=["aws.s3"], detail={"bucket": {"name": ["others"]}}), False),
        (waiting(source=["aws.s3"], detail={"bucket": {"name": ["others", "photos"]}}), True),
        (waiting(source=["aws.s3"], detail={"bucket": {"name": [{"suffix": "s"}]}}), True),
        (waiting(**{"$or": [{"source": ["aws.s3"]}, {"source": ["aws.ec2"]}]}), True),
        (Rule("clock", {"ScheduleExpression": "rate(1 day)"}), False),
    ],
)
def test_the_switch_stays_for_whoever_may_be_fed(rule, may_be_fed):
    """Where it is hard to tell, somebody may."""
    mine = ours()
    own = bridge.ruled({}, Bus(BUS), {}, mine)
    assert bridge.may_be_fed(rule.document, "photos") is may_be_fed
    assert bridge.switched_back(ON, own, Bus(BUS, (rule,)), mine) == (ON if may_be_fed else {})


def test_a_switch_that_was_on_stays_on():
    """Unless another rule of ours had it turned on; then the last of them turns it off."""
    first, second = ours("a"), ours("b")
    found_on = bridge.ruled({}, Bus(BUS), ON, first)
    assert bridge.switched_back(ON, found_on, Bus(BUS), first) == ON
    turned_on = Rule(bridge.rule_name(first), bridge.ruled({}, Bus(BUS), {}, first))
    heir = bridge.ruled({}, Bus(BUS, (turned_on,)), ON, second)
    assert bridge.switched_back(ON, heir, Bus(BUS, (turned_on,)), second) == ON
    assert bridge.switched_back(ON, heir, Bus(BUS), second) == {}


@given(st.text(min_size=1, max_size=80), st.text(max_size=80))
def test_names_are_such_as_the_service_takes(pipeline, other):
    """Of at most 64 of its characters, and not the same for two pipelines."""
    name = bridge.rule_name(ours(pipeline))
    assert len(name) <= 64
    assert name.isascii()
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")
    assert (name == bridge.rule_name(ours(other))) == (pipeline == other)


def test_a_pattern_has_a_bound():
    """Prefixes that would not fit are left out, so that more comes than is needed."""
    mine = ours(prefix="ü" * 400)
    assert "object" not in bridge.pattern(mine)["detail"]
    assert "object" in bridge.pattern(ours(prefix="x" * 400))["detail"]
    assert len(json.dumps(bridge.pattern(mine))) <= 2048


def test_the_queue_has_to_be_beside_the_bus():
    """In account and region."""
    bridge.check_bus(ours(), BUS)
    for other in (BUS.replace("eu-central-1", "eu-west-1"), BUS.replace("123456789012", "210987654321")):
        with pytest.raises(PermanentError, match="account and region"):
            bridge.check_bus(ours(), other)
    assert bridge.rule_arn(ours(), BUS).endswith(f":123456789012:rule/{bridge.rule_name(ours())}")


def test_what_the_way_lacks_is_told():
    """Each part with a hint."""
    mine = ours()
    whole = bridge.ruled({}, Bus(BUS), {}, mine)
    assert bridged(ON, whole, mine, may_send=True) == []
    assert len(bridged({}, {}, mine, may_send=False)) == 3
    for broken in (whole | {"State": "DISABLED"}, whole | {"Targets": [THEIRS]}):
        (finding,) = bridged(ON, broken, mine, may_send=True)
        assert "does not send" in finding.message
        assert finding.hint
