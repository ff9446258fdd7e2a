"""Looking at a bucket, its events and their queue before anything is copied, changing nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from typing import Any

from connectors.s3 import bridge
from connectors.s3.canaries import Canaries
from connectors.s3.client import Client
from connectors.s3.config import SourceSettings
from connectors.s3.coverage import FAMILIES, VITAL, coverage
from connectors.s3.merging import Ours
from connectors.s3.objects import Objects
from connectors.s3.sample import sample
from replicator.connector import Context, Finding, Severity
from replicator.model.errors import ChangeError, ReplicatorError, TransientError

RETENTION_SECONDS_MIN = 86_400
LISTED_MAX = 10


async def probe(
    client: Client, objects: Objects, settings: SourceSettings, context: Context
) -> Sequence[Finding]:
    """What stands in the way, and what is worth knowing."""
    try:
        await client.open()
    except ReplicatorError as error:
        return [_of(error)]
    findings = [each async for each in _bucket(objects, settings)]
    findings += [each async for each in _events(client, settings, context.pipeline)]
    if findings and any(each.passing for each in findings):
        return findings  # a service that cannot be reached has said enough
    if settings.markers:
        canary = Canaries(client, settings, context.pipeline, context.clock).key()
        findings += await _failures(client.try_put(canary))
    else:
        findings.append(
            _warning(
                "markers are off: only an empty queue shows that it has been read, and there is no barrier",
                "set markers: true if the bucket's other event consumers can ignore an object below "
                f"{settings.canaries_prefix}",
            )
        )
    findings += [each async for each in _remarks(client)]
    return (
        findings
        if any(each.passing for each in findings)
        else [*findings, *await sample(objects, settings)]
    )


async def _bucket(objects: Objects, settings: SourceSettings) -> AsyncIterator[Finding]:
    """List, and read what a copy reads of an object: its headers and its tags."""
    if settings.bucket.endswith("--x-s3"):
        yield _error(
            f"{settings.bucket} is a directory bucket, which has no events and no order of keys",
            "only general purpose buckets can be replicated",
        )
        return
    try:
        page = await objects.list("", LISTED_MAX)
        key = next((each.key for each in page.objects if settings.replicates(each.key)), None)
        headers = None if key is None else await objects.head(key)
        if key is not None and headers is not None:
            await objects.tags(key, {}, of_head=True)
    except ChangeError:
        return  # it is about this object alone, and the sample tells of such
    except ReplicatorError as error:
        yield _of(error)


async def _events(client: Client, settings: SourceSettings, pipeline: str) -> AsyncIterator[Finding]:
    try:
        attributes = await client.queue.attributes()
    except ReplicatorError as error:
        yield _of(error)
        return
    for finding in _queue(attributes):
        yield finding
    try:
        configuration = await client.bucket_fact("get_bucket_notification_configuration")
    except ReplicatorError as error:
        yield _warning(
            f"what the bucket sends to the queue is not known: {error.message}",
            "allow s3:GetBucketNotification, or see to it that every event of the bucket gets there",
        )
        return
    if settings.event_bridge:
        ours = Ours(pipeline, settings, attributes.get("QueueArn", ""))
        for finding in await _bridged(client, ours, configuration, attributes.get("Policy", "")):
            yield finding
        return
    for finding in notifications(configuration, attributes.get("QueueArn", ""), settings):
        yield finding


async def _bridged(
    client: Client, ours: Ours, configuration: Mapping[str, Any], policy: str
) -> Sequence[Finding]:
    try:
        rule = await client.rules.read(bridge.rule_name(ours))
        may_send = bridge.allows(policy, ours)
    except ReplicatorError as error:
        return [
            _warning(
                f"what EventBridge sends to the queue is not known: {error.message}",
                "allow events:DescribeRule and events:ListTargetsByRule, or see to it that every event of "
                "the bucket gets there",
            )
        ]
    return bridged(configuration, rule, ours, may_send=may_send)


def bridged(
    configuration: Mapping[str, Any], rule: Mapping[str, Any], ours: Ours, *, may_send: bool
) -> Sequence[Finding]:
    """What the way through EventBridge lacks. It is never changed here."""
    name = bridge.rule_name(ours)
    lacks = []
    if bridge.SWITCH not in configuration:
        lacks.append("the bucket does not tell EventBridge of its events")
    if not rule:
        lacks.append(f"there is no rule {name} of EventBridge on the bucket's side")
    elif not bridge.is_told(rule, ours):
        lacks.append(f"the rule {name} of EventBridge does not send all that is needed to the queue")
    if not may_send:
        lacks.append("the queue's policy does not let that rule send")
    return [_error(each, "`replicator install` adds it, and touches nothing else") for each in lacks]


def notifications(
    configuration: Mapping[str, Any], queue_arn: str, settings: SourceSettings
) -> Sequence[Finding]:
    """What the bucket's notifications lack. They are never changed here: a put replaces all of them."""
    found = coverage(configuration, queue_arn, settings.prefix)
    if not found.targets_queue and found.elsewhere:
        return [
            _warning(
                f"the bucket's events may come to the queue through {', '.join(found.elsewhere)}, "
                "which cannot be followed from here",
                "see to it that the rule or the subscription sends creations, removals, taggings and "
                "expirations of every key; or set event_bridge: true, and `replicator install` makes a "
                "rule that can be looked at from here",
            )
        ]
    if not found.targets_queue:
        return [
            _error(
                f"the bucket sends no events to the queue {queue_arn}",
                "`replicator install` adds it to those that there are; by hand, it is one with this queue "
                f"for {', '.join(FAMILIES)}",
            )
        ]
    findings = [_missing(family, settings.prefix) for family in found.families]
    below = coverage(configuration, queue_arn, settings.canaries_prefix)
    if settings.markers and "s3:ObjectCreated:*" in below.families:
        findings.append(
            _error(
                f"events of canaries do not come to the queue: {settings.canaries_prefix} is filtered out",
                "set markers_prefix to something that the notification's filter lets through",
            )
        )
    return findings


def _missing(family: str, prefix: str) -> Finding:
    where = f" that begin with {prefix!r}" if prefix else ""
    message = f"events of {family} do not come to the queue for all keys{where}"
    hint = "`replicator install` adds what is missing; or take filters away that are narrower"
    return _error(message, hint) if family in VITAL else _warning(message, hint)


def _queue(attributes: Mapping[str, str]) -> Sequence[Finding]:
    findings = []
    retention = int(attributes.get("MessageRetentionPeriod", RETENTION_SECONDS_MIN))
    if retention < RETENTION_SECONDS_MIN:
        findings.append(
            _warning(
                f"the event queue keeps messages for {retention} s only",
                "set its retention to several days, so that no events are lost while nothing reads it",
            )
        )
    policy = attributes.get("RedrivePolicy")
    if policy:
        count = json.loads(policy).get("maxReceiveCount")
        findings.append(
            _warning(
                f"the event queue moves messages away after they were received {count} times",
                "give it no dead-letter queue, or a high maxReceiveCount: events that are moved are lost "
                "to replication until the next list",
            )
        )
    return findings


async def _remarks(client: Client) -> AsyncIterator[Finding]:
    """Settings of the bucket that a copy does not share; without the right to see them, nothing is said."""
    if (await _fact(client, "get_bucket_versioning")).get("Status") == "Enabled":
        yield _warning(
            "the bucket keeps versions, and only the current one of each key is replicated",
            "copy older versions by other means if the target needs them; where markers are on, let a "
            "lifecycle rule expire old versions of canaries",
        )
    if (await _fact(client, "get_bucket_request_payment")).get("Payer") == "Requester":
        yield _warning(
            "the bucket lets its requesters pay, which only its owner can read from here",
            "read it with credentials of the account that owns it",
        )
    controls = (await _fact(client, "get_bucket_ownership_controls")).get("OwnershipControls", {})
    if any(rule.get("ObjectOwnership") != "BucketOwnerEnforced" for rule in controls.get("Rules", ())):
        yield _warning(
            "the bucket lets objects have access control lists of their own, which copies have not",
            "decide at the target who may read: by roles and the access level of the container",
        )
    encryption = await _fact(client, "get_bucket_encryption")
    for finding in encrypted(encryption.get("ServerSideEncryptionConfiguration", {})):
        yield finding
    lock = (await _fact(client, "get_object_lock_configuration")).get("ObjectLockConfiguration", {})
    if lock.get("Rule"):
        yield _warning(
            "new objects are put under object lock, and such objects become dead letters",
            "set an immutability policy at the target by hand, and waive them",
        )


def encrypted(configuration: Mapping[str, Any]) -> Sequence[Finding]:
    """What the bucket's encryption asks for; S3's own is on everywhere and asks for nothing."""
    rules = [each.get("ApplyServerSideEncryptionByDefault", {}) for each in configuration.get("Rules", ())]
    if not any("kms" in each.get("SSEAlgorithm", "") for each in rules):
        return []
    return [
        _warning(
            "new objects are encrypted by a key of the key service, which copies are not",
            "allow kms:Decrypt on the key; set a customer-managed key at the target's account if copies "
            "need one",
        )
    ]


async def _fact(client: Client, operation: str) -> Mapping[str, Any]:
    try:
        return await client.bucket_fact(operation)
    except ReplicatorError:
        return {}


async def _failures(attempt: Awaitable[object]) -> list[Finding]:
    try:
        await attempt
    except ReplicatorError as error:
        return [_of(error)]
    return []


def _of(error: ReplicatorError) -> Finding:
    return Finding(Severity.ERROR, error.message, error.hint, passing=isinstance(error, TransientError))


def _error(message: str, hint: str) -> Finding:
    return Finding(Severity.ERROR, message, hint)


def _warning(message: str, hint: str) -> Finding:
    return Finding(Severity.WARNING, message, hint)
