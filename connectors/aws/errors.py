"""The meaning of what all services of AWS answer alike, in our errors. Pure.

Source of the codes: the common errors of each service's API reference.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from replicator.model.errors import PermanentError, PositionLostError, ReplicatorError, TransientError

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

CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "OptInRequired",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)

DENIALS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AccountProblem",
        "AllAccessDisabled",
        "KmsAccessDenied",
        "NotAuthorized",
        "UnauthorizedOperation",
    }
)

_BRIEF = frozenset(
    {"RequestTimeout", "OperationAborted", "ServiceUnavailable", "InternalError", "InternalFailure"}
)


class Refusal(NamedTuple):
    """An error answer.

    Attributes:
        operation: the API's name of the call, such as ``GetRecords``.
        code: the error's code, without its namespace; empty where the answer had no body, as that of HEAD.
        message: the service's own words.
        status: the HTTP status.
        region: where the service says the thing is, if it does.
        retry_after_seconds: the service's word on when to come again.
        reads: whether the call changes nothing, so that its outcome is never in doubt.
    """

    operation: str
    code: str
    message: str
    status: int
    region: str = ""
    retry_after_seconds: float | None = None
    reads: bool = False

    @property
    def text(self) -> str:
        """Call, code and words."""
        told = f"{self.operation}: {self.code}"
        return f"{told}: {self.message}" if self.message else told


def common(
    refusal: Refusal, *, rights: str, slower: str, throttles: Collection[str] = THROTTLES
) -> ReplicatorError | None:
    """What an answer means that every service gives; None for one that it does not.

    Args:
        refusal: the answer.
        rights: what to allow, in the words of a policy.
        slower: the hint for a throttled call.
        throttles: the codes of throttled calls.
    """
    if refusal.code in throttles or refusal.status == 429:
        return TransientError(
            refusal.text,
            settled=True,
            reason="throttled",
            retry_after_seconds=refusal.retry_after_seconds,
            hint=slower,
        )
    if refusal.code in CREDENTIALS:
        return PermanentError(
            refusal.text,
            hint="check the credentials that the AWS default chain finds, and the machine's clock",
        )
    if refusal.code in DENIALS:
        return PermanentError(refusal.text, hint=f"allow {rights}")
    return None


def otherwise(refusal: Refusal) -> ReplicatorError:
    """What an answer means that is neither common nor known of the service: it may pass, or it does not."""
    if refusal.status >= 500 or refusal.code in _BRIEF:
        return TransientError(
            refusal.text,
            reason="unavailable",
            settled=refusal.reads,
            retry_after_seconds=refusal.retry_after_seconds,
        )
    return PermanentError(refusal.text, hint="the service refuses the request itself; see its message")


def unreachable(operation: str, message: str, *, settled: bool) -> TransientError:
    """No answer came, or it broke off; ``settled`` where the call has no effect, now or later."""
    return TransientError(
        f"{operation}: {message}",
        settled=settled,
        reason="unreachable",
        hint="check the endpoint, the region and the network between",
    )


def lost_position(text: str) -> PositionLostError:
    """The checkpoint's position is none of a queue, so nothing is known of what was read of it."""
    return PositionLostError(
        f"not a position of a queue: {text!r}",
        hint="start a new reconciling backfill: `replicator resume NAME --new-backfill`",
    )


def misconfigured(message: str) -> PermanentError:
    """The SDK could not even send: no credentials, no region, no such profile, a bad endpoint."""
    return PermanentError(
        message, hint="set the region, the profile and the credentials of the AWS default chain"
    )
