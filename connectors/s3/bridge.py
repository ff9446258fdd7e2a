"""Our rule of EventBridge, by which a bucket's events come to the queue: put in, and taken out. Pure.

A rule is a document here: what DescribeRule tells of it that can be written, its pattern parsed, and under
``Targets`` what ListTargetsByRule tells; empty where there is no such rule. Ours is known by its name, and
in it our target by its Id. A rule of ours that others have given targets stays for those.

Whether a bucket tells EventBridge is one switch, without a name on it. So that it can be put back, the rule
that needed it switched says so in its description; and it is only put back while no other rule of the bus
could be fed by it.

Sources: S3 user guide, "EventBridge event message structure" (keys stand as they are) and "Using
EventBridge"; EventBridge user guide, "Amazon EventBridge event patterns", "EventBridge quotas" (a pattern
has at most 2,048 characters) and "Using resource-based policies" (the queue's); API reference, PutRule (a
name has at most 64 characters).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from connectors.s3.errors import elsewhere, taken
from connectors.s3.merging import Ours, document_of, statements_of

SWITCH = "EventBridgeConfiguration"
KINDS = ("Object Created", "Object Deleted", "Object Tags Added", "Object Tags Deleted")
"""The events that tell of a change; an expiration is a deletion."""

PATTERN_CHARACTERS_MAX = 2048
NAME_PREFIX = "replicator."

_TARGET = "replicator"
_SWITCHED = "The bucket's switch for EventBridge was turned on for it."
_READABLE = 36
_Document = Mapping[str, Any]


class Rule(NamedTuple):
    """One rule of the bus."""

    name: str
    document: _Document

    @property
    def switched(self) -> bool:
        """Whether it says that the bucket was made to tell EventBridge for it."""
        return str(self.document.get("Description", "")).endswith(_SWITCHED)


class Bus(NamedTuple):
    """The bus that events of AWS's own services come to, by its ARN, and its rules."""

    arn: str
    rules: tuple[Rule, ...] = ()


def rule_name(ours: Ours) -> str:
    """The name of our rule: names of rules are one space for an account and a region."""
    readable = re.sub(r"[^A-Za-z0-9_-]", "-", ours.pipeline)[:_READABLE]
    return f"{NAME_PREFIX}{readable}.{ours.digest}"


def rule_arn(ours: Ours, bus_arn: str) -> str:
    """The ARN of our rule on this bus."""
    return f"{bus_arn.partition(':event-bus/')[0]}:rule/{rule_name(ours)}"


def check_bus(ours: Ours, bus_arn: str) -> None:
    """See that a rule of this bus can send to the queue.

    Raises:
        PermanentError: the queue is of another account or region.
    """
    if bus_arn.split(":")[3:5] != ours.queue_arn.split(":")[3:5]:
        raise elsewhere(ours.queue_arn, bus_arn)


def pattern(ours: Ours) -> dict[str, Any]:
    """The events that are needed; all of the bucket's where the prefixes are too long for a pattern."""
    settings = ours.settings
    found: dict[str, Any] = {
        "source": ["aws.s3"],
        "detail-type": list(KINDS),
        "detail": {"bucket": {"name": [settings.bucket]}},
    }
    prefixes = [settings.prefix]
    if settings.markers and not settings.canaries_prefix.startswith(settings.prefix):
        prefixes.append(settings.canaries_prefix)
    if all(prefixes):
        detail = {**found["detail"], "object": {"key": [{"prefix": each} for each in prefixes]}}
        narrow = {**found, "detail": detail}
        if len(json.dumps(narrow)) <= PATTERN_CHARACTERS_MAX:
            return narrow
    return found


def ruled(rule: _Document, bus: Bus, configuration: _Document, ours: Ours) -> dict[str, Any]:
    """Our rule as it has to be, with the targets that others gave it.

    Raises:
        PermanentError: our target in it is another queue.
    """
    name = rule_name(ours)
    for target in rule.get("Targets", ()):
        if target["Id"] == _TARGET and target.get("Arn") != ours.queue_arn:
            raise taken(f"rule {name}", target.get("Arn", ""))
    switches = SWITCH not in configuration or any(
        each.switched and _is_ours(each) and may_be_fed(each.document, ours.settings.bucket)
        for each in (*bus.rules, Rule(name, rule))
    )
    about = f"Events of bucket {ours.settings.bucket} for pipeline {ours.pipeline} of Replicator."
    return {
        **rule,
        "EventPattern": pattern(ours),
        "State": "ENABLED",
        "Description": f"{about} {_SWITCHED}" if switches else about,
        "Targets": [*_others(rule), {"Id": _TARGET, "Arn": ours.queue_arn}],
    }


def unruled(rule: _Document) -> dict[str, Any]:
    """Our rule without our target; empty where nobody else's is in it."""
    others = _others(rule)
    return {**rule, "Targets": others} if others else {}


def switched_on(configuration: _Document) -> dict[str, Any]:
    """The bucket's notifications with EventBridge among them."""
    return {SWITCH: {}, **configuration}


def switched_back(configuration: _Document, rule: _Document, bus: Bus, ours: Ours) -> dict[str, Any]:
    """The bucket's notifications as they were before our rule, unless others may need them as they are."""
    name = rule_name(ours)
    is_needed = bool(unruled(rule)) or any(
        may_be_fed(each.document, ours.settings.bucket) for each in bus.rules if each.name != name
    )
    if is_needed or not Rule(name, rule).switched:
        return dict(configuration)
    return {name: value for name, value in configuration.items() if name != SWITCH}


def may_be_fed(rule: _Document, bucket: str) -> bool:
    """Whether events of this bucket may be what a rule waits for; where it is hard to tell, they may be."""
    wanted = rule.get("EventPattern")
    if wanted is None:
        return False  # it runs by the clock
    detail = wanted.get("detail", {})
    in_detail = detail.get("bucket", {}) if isinstance(detail, dict) else {}
    names = in_detail.get("name") if isinstance(in_detail, dict) else None
    return _may_match(wanted.get("source"), "aws.s3") and _may_match(names, bucket)


def allows(policy: str, ours: Ours) -> bool:
    """Whether our statement for the rule is in the queue's policy, and so the rule may be there."""
    return any(each.get("Sid") == ours.sids[1] for each in statements_of(document_of(policy)))


def is_told(rule: _Document, ours: Ours) -> bool:
    """Whether the rule sends all that is needed to the queue."""
    return (
        rule.get("State") == "ENABLED"
        and rule.get("EventPattern") == pattern(ours)
        and any(target.get("Arn") == ours.queue_arn for target in rule.get("Targets", ()))
    )


def _others(rule: _Document) -> list[Any]:
    return [target for target in rule.get("Targets", ()) if target["Id"] != _TARGET]


def _is_ours(rule: Rule) -> bool:
    return rule.name.startswith(NAME_PREFIX)


def _may_match(wanted: Any, value: str) -> bool:
    """Whether a list of a pattern may match a text; anything but plain texts may."""
    if not isinstance(wanted, list):
        return True
    return value in wanted or not all(isinstance(each, str) for each in wanted)
