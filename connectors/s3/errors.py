"""The meaning of the errors of S3 and SQS, in ours. Pure: the client hands over codes and messages.

Source of the codes: the service model of S3 (API version 2006-03-01) and "Error responses" of the S3 API
reference; those of all services are in ``connectors.aws.errors``.
"""

from __future__ import annotations

from connectors.aws.errors import Refusal, common, otherwise
from replicator.model.errors import (
    ChangeError,
    PermanentError,
    ReplicatorError,
    TransientError,
)

_ELSEWHERE = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "TemporaryRedirect"})
_NO_QUEUE = frozenset({"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "NonExistentQueue"})
_AT_ONCE = frozenset({"ConcurrentModificationException", "InternalException"})

_CODE_OF_STATUS = {403: "AccessDenied", 301: "PermanentRedirect", 307: "TemporaryRedirect", 503: "SlowDown"}
_AND_DECRYPT = ", and kms:Decrypt for the key if one of the key service encrypts the object"
_RIGHTS = {
    "HeadObject": f"s3:GetObject and s3:ListBucket{_AND_DECRYPT}",
    "GetObject": f"s3:GetObject and s3:ListBucket{_AND_DECRYPT}",
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "ReceiveMessage": "sqs:ReceiveMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "GetQueueAttributes": "sqs:GetQueueAttributes",
    "SetQueueAttributes": "sqs:SetQueueAttributes",
    "DescribeEventBus": "events:DescribeEventBus",
    "DescribeRule": "events:DescribeRule",
    "ListRules": "events:ListRules",
    "ListTargetsByRule": "events:ListTargetsByRule",
    "PutRule": "events:PutRule",
    "PutTargets": "events:PutTargets",
    "RemoveTargets": "events:RemoveTargets",
    "DeleteRule": "events:DeleteRule",
}


def translate(refusal: Refusal) -> ReplicatorError:
    """What an error answer of a service means for the engine."""
    operation = refusal.operation
    code = refusal.code or _CODE_OF_STATUS.get(refusal.status, str(refusal.status))
    refusal = refusal._replace(code=code)
    known = common(
        refusal,
        rights=_RIGHTS.get(operation, f"s3:{operation}"),
        slower="the service asks for fewer calls; lower the pipeline's limits if this lasts",
    )
    if known is not None:
        return known
    if code in _ELSEWHERE:
        return PermanentError(
            refusal.text, hint=f"the bucket is in another region{_named(refusal.region)}; set region"
        )
    if code == "NoSuchBucket":
        return PermanentError(refusal.text, hint="check the bucket's name, the region and the account")
    if code in _NO_QUEUE:
        return PermanentError(refusal.text, hint="check queue_url, the queue's region and the account")
    if operation == "PutBucketNotificationConfiguration" and "destination" in refusal.message.lower():
        return PermanentError(
            refusal.text,
            hint="S3 tries every target, also those of others: see that each is still there and lets S3 "
            "send; a queue that a key of the key service encrypts needs kms:GenerateDataKey and "
            "kms:Decrypt for s3.amazonaws.com in the key's policy",
        )
    return otherwise(refusal)


def changed(key: str) -> TransientError:
    """The object is not the one any more of which the reading began."""
    return TransientError(f"object {key!r} was replaced while it was read", settled=True, reason="changed")


def damaged(key: str, algorithm: str) -> ChangeError:
    """The bytes are not those that the service's checksum vouches for."""
    return ChangeError(
        f"the body of object {key!r} does not have the {algorithm} that the service gives",
        hint="Read the object by other means; if it is damaged, put it again, then replay the dead letter.",
    )


def cannot_carry(key: str, reason: str, hint: str) -> ChangeError:
    """The object has something that no copy can hold, or cannot be read at all."""
    return ChangeError(f"object {key!r} {reason}", hint=hint)


def excluded(others: str) -> PermanentError:
    """Entries of somebody else's claim events that ours needs, and S3 takes no two for the same keys."""
    return PermanentError(
        "S3 takes no two notifications of one event for keys that overlap, and the bucket has others: "
        f"{others}",
        hint="set event_bridge: true, so that the events come through EventBridge; or send them to an SNS "
        "topic, to which their present targets and the event queue subscribe",
    )


def taken(identity: str, queue: str) -> PermanentError:
    """An entry bears our name and is about another queue."""
    return PermanentError(
        f"{identity} goes to {queue}",
        hint="it is of a pipeline of the same name, perhaps with another queue: uninstall that one first, "
        "or give the pipeline another name",
    )


def elsewhere(queue: str, bus: str) -> PermanentError:
    """A rule sends to queues of its own account and region (EventBridge user guide, "Targets")."""
    return PermanentError(
        f"the event queue {queue} is not of the account and region of the bucket's event bus, {bus}",
        hint="give the pipeline a queue beside the bucket, in the account of these credentials",
    )


def partly_refused(operation: str, code: str, message: str) -> ReplicatorError:
    """An entry of a call failed, though the call did not."""
    if code in _AT_ONCE:
        return TransientError(
            f"{operation}: {code}: {message}", hint="run the command again", reason="changed", settled=False
        )
    return PermanentError(
        f"{operation}: {code}: {message}",
        hint="EventBridge refuses the event queue as a target; see its message",
    )


def no_fifo(queue: str) -> PermanentError:
    """S3 sends to standard queues alone (user guide, "Event notification types and destinations")."""
    return PermanentError(
        f"{queue} is a FIFO queue, to which S3 sends no events", hint="give the bucket a standard queue"
    )


def unreadable_policy(reason: str) -> PermanentError:
    """The queue's policy is not such as can be merged into."""
    return PermanentError(
        f"the policy of the event queue cannot be read: {reason}", hint="see to the queue's policy by hand"
    )


def changed_meanwhile(place: str) -> TransientError:
    """Somebody else changed a setting between our look and our write."""
    return TransientError(
        f"{place}: changed by somebody else meanwhile; nothing was written",
        hint="run the command again",
        settled=True,
        reason="changed",
    )


def not_as_written(place: str) -> PermanentError:
    """What was written does not come back: somebody else writes there at the same time."""
    return PermanentError(
        f"{place}: it does not read back as it was written",
        hint="somebody else may have changed it at the same moment: compare it with what the record beside "
        "the state file says was there before",
    )


def _named(region: str) -> str:
    return f", {region}" if region else ""
