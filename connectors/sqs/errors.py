"""The meaning of SQS's errors, in ours. Pure: the client hands over codes and messages.

Source of the codes: the service model of SQS (API version 2012-11-05) and the common errors of AWS.
"""

from __future__ import annotations

from replicator.model.errors import PermanentError, ReplicatorError, TransientError

THROTTLES = frozenset(
    {
        "RequestThrottled",
        "RequestThrottledException",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "OverLimit",
        "KmsThrottled",
    }
)

_CREDENTIALS = frozenset(
    {
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "ExpiredToken",
        "ExpiredTokenException",
        "MissingAuthenticationToken",
        "IncompleteSignature",
        "RequestExpired",
    }
)
_DENIALS = frozenset({"AccessDenied", "AccessDeniedException", "KmsAccessDenied"})
_NO_QUEUE = frozenset({"QueueDoesNotExist", "NonExistentQueue", "InvalidAddress"})
_BRIEF = frozenset({"RequestTimeout", "ServiceUnavailable", "InternalError", "InternalFailure"})
_CODE_OF_STATUS = {403: "AccessDenied", 404: "QueueDoesNotExist", 503: "ServiceUnavailable"}


def translate(
    operation: str, code: str, message: str, status: int, *, retry_after_seconds: float | None = None
) -> ReplicatorError:
    """What an error answer means for the engine.

    What is not settled may have hidden messages: a receive that took effect, and whose answer was lost.

    Args:
        operation: the API's name of the call, such as ``ReceiveMessage``.
        code: the error's code, without a namespace before it; empty where the answer had no body.
        message: the service's own words.
        status: the HTTP status.
        retry_after_seconds: the service's word on when to come again.
    """
    code = code.rpartition("#")[2].rpartition(".")[2] or _CODE_OF_STATUS.get(status, str(status))
    text = f"{operation}: {code}: {message}" if message else f"{operation}: {code}"
    if code in THROTTLES or status == 429:
        return TransientError(
            text,
            settled=True,
            reason="throttled",
            retry_after_seconds=retry_after_seconds,
            hint="The service asks for fewer calls; lower receivers_max if this lasts.",
        )
    if code in _CREDENTIALS:
        return PermanentError(
            text, hint="Check the credentials that the AWS default chain finds, and the machine's clock."
        )
    if code in _DENIALS:
        return PermanentError(text, hint=f"Allow sqs:{operation.removesuffix('Batch')} on the queue.")
    if code in _NO_QUEUE:
        return PermanentError(text, hint="Check queue_url, the queue's region and the account.")
    if status >= 500 or code in _BRIEF:
        return TransientError(text, reason="unavailable", retry_after_seconds=retry_after_seconds)
    return PermanentError(text, hint="The service refuses the request itself; see its message.")


def unreachable(operation: str, message: str, *, settled: bool) -> TransientError:
    """No answer came, or it broke off; ``settled`` where the call was certainly not made."""
    return TransientError(
        f"{operation}: {message}",
        settled=settled,
        reason="unreachable",
        hint="Check the endpoint, the region and the network between.",
    )


def misconfigured(message: str) -> PermanentError:
    """The SDK could not even send: no credentials, no region, no such profile, a bad endpoint."""
    return PermanentError(
        message, hint="Set the region, the profile and the credentials of the AWS default chain."
    )
