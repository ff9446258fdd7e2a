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
    "ReceiveMessage": "sqs:ReceiveMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "GetQueueAttributes": "sqs:GetQueueAttributes",
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


def lost_position(text: str) -> PositionLostError:
    """The checkpoint's position is none of this connector, so nothing is known of what it has read."""
    return PositionLostError(
        f"not a position of an event queue: {text!r}",
        hint="start a new reconciling backfill: `replicator resume NAME --new-backfill`",
    )


def _named(region: str) -> str:
    return f", {region}" if region else ""
