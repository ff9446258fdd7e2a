"""Whether a bucket's notifications cover what a source needs. Pure.

Source: S3 user guide, "Supported event types" and "Configuring event notifications using object key name
filtering"; the shape is that of GetBucketNotificationConfiguration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

FAMILIES: Mapping[str, frozenset[str]] = {
    "s3:ObjectCreated:*": frozenset({"Put", "Post", "Copy", "CompleteMultipartUpload"}),
    "s3:ObjectRemoved:*": frozenset({"Delete", "DeleteMarkerCreated"}),
    "s3:ObjectTagging:*": frozenset({"Put", "Delete"}),
    "s3:LifecycleExpiration:*": frozenset({"Delete", "DeleteMarkerCreated"}),
}
"""The families of events that tell of a change, each with its members."""

VITAL = frozenset({"s3:ObjectCreated:*", "s3:ObjectRemoved:*"})
"""Those without which a source misses what everybody does; the others are of rarer changes."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a bucket's notifications send to the queue.

    ``families``: of those above, the ones that are not sent for every key of the prefix. ``elsewhere``:
    other ways that may lead to the queue as well, and cannot be followed from here.
    """

    targets_queue: bool
    families: tuple[str, ...]
    elsewhere: tuple[str, ...]


def coverage(configuration: Mapping[str, Any], queue_arn: str, prefix: str) -> Coverage:
    """What these notifications send to this queue for keys that begin with the prefix."""
    ours = [
        each for each in configuration.get("QueueConfigurations") or () if each.get("QueueArn") == queue_arn
    ]
    missing = tuple(family for family in FAMILIES if not _covers(ours, family, prefix))
    return Coverage(bool(ours), missing, tuple(_elsewhere(configuration)))


def reached(notifications: Iterable[Mapping[str, Any]], prefix: str) -> set[str]:
    """The events and families that these notifications send for every key that begins with the prefix."""
    return {event for each in notifications if _reaches(each, prefix) for event in each.get("Events") or ()}


def _elsewhere(configuration: Mapping[str, Any]) -> Iterable[str]:
    if configuration.get("EventBridgeConfiguration") is not None:
        yield "EventBridge"
    for topic in configuration.get("TopicConfigurations") or ():
        yield f"SNS topic {topic.get('TopicArn')}"


def _covers(notifications: Iterable[Mapping[str, Any]], family: str, prefix: str) -> bool:
    stem = family.removesuffix("*")
    events = reached(notifications, prefix)
    return family in events or all(f"{stem}{member}" in events for member in FAMILIES[family])


def _reaches(notification: Mapping[str, Any], prefix: str) -> bool:
    """Whether its filter lets every key through that begins with the prefix."""
    rules = notification.get("Filter", {}).get("Key", {}).get("FilterRules") or ()
    wanted = {str(rule.get("Name", "")).lower(): str(rule.get("Value", "")) for rule in rules}
    return prefix.startswith(wanted.get("prefix", "")) and not wanted.get("suffix")
