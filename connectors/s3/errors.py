"""The meaning of the errors of S3 and SQS, in ours. Pure: the client hands over codes and messages.

Source of the codes: the service models of S3 (API version 2006-03-01) and SQS (2012-11-05), "Error
responses" of the S3 API reference, and the common errors of both.
"""

from __future__ import annotations

from replicator.model.errors import (
    ChangeError,
    PermanentError,
    PositionLostError,
    ReplicatorError,
    TransientError,
)

THROTTLES = frozenset(
    {
        "SlowDown",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "OverLimit",
        "KmsThrottled",
        "KMS.ThrottlingException",
    }
)

_CREDENTIALS = frozenset(
    {
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "InvalidToken",
        "ExpiredToken",
        "ExpiredTokenException",
        "MissingAuthenticationToken",
        "IncompleteSignature",
        "RequestTimeTooSkewed",
        "RequestExpired",
    }
)

_DENIALS = frozenset({"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "AccountProblem"})
_ELSEWHERE = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "TemporaryRedirect"})
_NO_QUEUE = frozenset({"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "NonExistentQueue"})
_BRIEF = frozenset({"RequestTimeout", "OperationAborted", "ServiceUnavailable", "InternalError"})

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
}


def translate(
    operation: str,
    code: str,
    message: str,
    status: int,
    *,
    region: str = "",
    retry_after_seconds: float | None = None,
    reads: bool = True,
) -> ReplicatorError:
    """What an error answer of a service means for the engine.

    Args:
        operation: the API's name of the call, such as ``GetObject``.
        code: the error's code; empty where the answer had no body, as that of HEAD.
        message: the service's own words.
        status: the HTTP status.
        region: where the service says the bucket is, if it does.
        retry_after_seconds: the service's word on when to come again.
        reads: whether the call changes nothing, so that its outcome is never in doubt.
    """
    code = code or _CODE_OF_STATUS.get(status, str(status))
    text = f"{operation}: {code}: {message}" if message else f"{operation}: {code}"
    if code in THROTTLES or status == 429:
        return TransientError(
            text,
            settled=True,
            reason="throttled",
            retry_after_seconds=retry_after_seconds,
            hint="the service asks for fewer calls; lower the pipeline's limits if this lasts",
        )
    if code in _CREDENTIALS:
        return PermanentError(
            text, hint="check the credentials that the AWS default chain finds, and the machine's clock"
        )
    if code in _DENIALS:
        return PermanentError(text, hint=f"allow {_RIGHTS.get(operation, f's3:{operation}')}")
    if code in _ELSEWHERE:
        return PermanentError(text, hint=f"the bucket is in another region{_named(region)}; set region")
    if code == "NoSuchBucket":
        return PermanentError(text, hint="check the bucket's name, the region and the account")
    if code in _NO_QUEUE:
        return PermanentError(text, hint="check queue_url, the queue's region and the account")
    if operation == "PutBucketNotificationConfiguration" and "destination" in message.lower():
        return PermanentError(
            text,
            hint="S3 tries every target, also those of others: see that each is still there and lets S3 "
            "send; a queue that a key of the key service encrypts needs kms:GenerateDataKey and "
            "kms:Decrypt for s3.amazonaws.com in the key's policy",
        )
    if status >= 500 or code in _BRIEF:
        return TransientError(
            text, reason="unavailable", settled=reads, retry_after_seconds=retry_after_seconds
        )
    return PermanentError(text, hint="the service refuses the request itself; see its message")


def unreachable(operation: str, message: str, *, settled: bool) -> TransientError:
    """No answer came, or it broke off; ``settled`` where the call has no effect, now or later."""
    return TransientError(
        f"{operation}: {message}",
        settled=settled,
        reason="unreachable",
        hint="check the endpoint, the region and the network between",
    )


def misconfigured(message: str) -> PermanentError:
    """The SDK could not even send: no credentials, no region, no such profile, a bad endpoint."""
    return PermanentError(
        message, hint="set the region, the profile and the credentials of the AWS default chain"
    )


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
        hint="let the bucket tell EventBridge, with a rule that has the event queue as its target; or send "
        "those events to an SNS topic, to which their present targets and the event queue subscribe",
    )


def taken(identity: str, queue: str) -> PermanentError:
    """An entry bears our name and is about another queue."""
    return PermanentError(
        f"the bucket has a notification {identity} that goes to {queue}",
        hint="it is of a pipeline of the same name, perhaps with another queue: uninstall that one first, "
        "or give the pipeline another name",
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


def lost_position(text: str) -> PositionLostError:
    """The checkpoint's position is none of this connector, so nothing is known of what it has read."""
    return PositionLostError(
        f"not a position of an event queue: {text!r}",
        hint="start a new reconciling backfill: `replicator resume NAME --new-backfill`",
    )


def _named(region: str) -> str:
    return f", {region}" if region else ""
