"""The meaning of DynamoDB's errors, in ours. Pure: the client hands over codes and messages.

Source of the codes: the service models of DynamoDB and DynamoDB Streams (API version 2012-08-10) and
the common errors of the DynamoDB API reference.
"""

from __future__ import annotations

from replicator.model.errors import (
    PermanentError,
    PositionLostError,
    ReplicatorError,
    TransientError,
)

WAY_OUT = (
    "what lies between is no longer in the stream; start a new reconciling backfill: "
    "`replicator resume NAME --new-backfill`"
)

THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "LimitExceededException",
    }
)

_CREDENTIALS = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "ExpiredToken",
        "ExpiredTokenException",
        "OptInRequired",
    }
)

_DENIALS = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "NotAuthorized"})

_SHARD_CALLS = frozenset({"GetShardIterator", "GetRecords"})


class IteratorExpiredError(TransientError):
    """A shard iterator outlived its 15 minutes; a new one at the same position goes on."""


def translate(operation: str, code: str, message: str, status: int) -> ReplicatorError:
    """What an error answer of the service means for the engine.

    Args:
        operation: the API's name of the call, such as ``GetRecords``.
        code: the error's code, without its namespace.
        message: the service's own words.
        status: the HTTP status.
    """
    text = f"{operation}: {code}: {message}"
    if code in THROTTLES:
        return TransientError(text, settled=True, reason="throttled", hint=_throttle_hint(operation))
    if code == "ExpiredIteratorException":
        return IteratorExpiredError(text, settled=True, reason="iterator_expired")
    if code == "TrimmedDataAccessException":
        return PositionLostError(text, hint=WAY_OUT)
    if code in _CREDENTIALS:
        return PermanentError(
            text, hint="check the credentials that the AWS default chain finds, and the machine's clock"
        )
    if code in _DENIALS:
        return PermanentError(text, hint=f"allow dynamodb:{operation} on the table and its stream")
    if code == "ResourceNotFoundException":
        return _not_found(operation, text)
    if status >= 500:
        return TransientError(text, reason="unavailable")
    return PermanentError(text, hint="the service refuses the request itself; see its message")


def unreachable(operation: str, message: str, *, settled: bool) -> TransientError:
    """No answer came; ``settled`` where the request was certainly not taken."""
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


def stream_off(table: str) -> PermanentError:
    """The table has no stream to read changes from."""
    return PermanentError(
        f"table {table} has no enabled stream",
        hint="enable DynamoDB Streams on the table with view type NEW_AND_OLD_IMAGES or NEW_IMAGE",
    )


def wrong_view(table: str, view: str) -> PermanentError:
    """The stream does not carry what an item is after a change."""
    return PermanentError(
        f"the stream of table {table} has view type {view}, which lacks the new images",
        hint="disable the stream and enable it with view type NEW_AND_OLD_IMAGES or NEW_IMAGE",
    )


def _not_found(operation: str, text: str) -> ReplicatorError:
    if operation in _SHARD_CALLS:
        return PositionLostError(text, hint=WAY_OUT)
    return PermanentError(text, hint="check the table's name, the region and the account")


def _throttle_hint(operation: str) -> str:
    if operation in _SHARD_CALLS:
        return "at most two readers may share a shard: see what else reads the table's stream"
    return "the table is short of capacity; lower read_share, or give it more"
