"""What went wrong at Blob Storage, in our words.

Pure: ``client`` reads the answers and hands over the numbers. Codes are told by
learn.microsoft.com/rest/api/storageservices/blob-service-error-codes and ``…/common-rest-api-error-codes``.
"""

from __future__ import annotations

from typing import NamedTuple

from replicator.model.errors import ChangeError, PermanentError, ReplicatorError, TransientError

PRECONDITION_FAILED = 412
RANGE_REFUSED = 416

# The condition of a write does not hold. That a lease is in the way is also told by 412, and is none.
_UNMET = frozenset({"ConditionNotMet", "TargetConditionNotMet", "BlobAlreadyExists", ""})
_ABSENT = frozenset({"BlobNotFound", "ResourceNotFound", ""})

# Answers of which the service says that nothing was applied, and which may pass: code to reason.
_PASSING = {
    "ServerBusy": "throttled",
    "TooManyRequests": "throttled",
    "ContainerBeingDeleted": "unavailable",
    "PendingCopyOperation": "contended",
    "InvalidBlockList": "contended",  # another write of the same blob swept our uncommitted blocks away
    "Md5Mismatch": "damaged",
    "Crc64Mismatch": "damaged",
    "IncompleteBody": "damaged",
}
_HELD = {
    "BlobImmutableDueToPolicy": "an immutability policy protects it; take that off the container",
    "BlobImmutableDueToLegalHold": "a legal hold protects it; take that off",
    "BlobArchived": "it is in the archive tier; bring it back first",
    "BlobBeingRehydrated": "it is on its way out of the archive tier; replay this once that is done",
    "SnapshotsPresent": "it has snapshots, which are not ours to delete; delete them",
    "InvalidBlobType": "it is not a block blob; delete it",
}
_LEASED = "somebody holds a lease of it; break the lease, and keep others from writing the container"


class Refusal(NamedTuple):
    """An answer of the service that is not a success; ``retry_after_seconds`` where it says so."""

    status: int
    code: str = ""
    message: str = ""
    retry_after_seconds: float | None = None


class RefusedError(Exception):
    """An answer of the service, on its way from ``client`` to where its meaning is known."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def is_unmet(refusal: Refusal) -> bool:
    """Whether the condition of the call does not hold; a blob that is not there has no ETag either."""
    return (refusal.status in {409, 412} and refusal.code in _UNMET) or is_absent(refusal)


def is_absent(refusal: Refusal) -> bool:
    """Whether the answer says that the blob, not its container, is not there."""
    return refusal.status == 404 and refusal.code in _ABSENT


def translate(refusal: Refusal, *, of_change: bool = False) -> ReplicatorError:
    """The error that the answer is; ``of_change`` where the call carried an object of the pipeline's."""
    return _transient(refusal) or _of_change(refusal, of_change=of_change) or _permanent(refusal)


def translate_read(refusal: Refusal) -> ReplicatorError:
    """The error that the answer to a read is: whatever happened, it changed nothing."""
    return without_effect(translate(refusal))


def unreachable(detail: str) -> TransientError:
    """No connection came about, so nothing was sent."""
    return TransientError(
        f"Blob Storage cannot be reached: {detail}",
        hint="check the endpoint, the name resolution and the firewall of the account",
        settled=True,
        reason="unreachable",
    )


def unanswered(detail: str) -> TransientError:
    """The call was sent, and no answer came: it may still land."""
    return TransientError(f"Blob Storage did not answer: {detail}", settled=False, reason="unanswered")


def without_effect(error: ReplicatorError) -> ReplicatorError:
    """The error of a call that changes nothing that can be seen, whenever it lands."""
    if not isinstance(error, TransientError) or error.settled:
        return error
    return TransientError(
        error.message,
        hint=error.hint,
        retry_after_seconds=error.retry_after_seconds,
        settled=True,
        reason=error.reason,
    )


def changed(detail: str) -> TransientError:
    """The blob was replaced while it was being read."""
    return TransientError(detail, settled=True, reason="changed")


def refused_credential(detail: str) -> PermanentError:
    """No usable credential, said by the identity library or by the service."""
    return PermanentError(
        f"Blob Storage refuses the credential: {_first_line(detail)}",
        hint="check the key or connection string (and the clock of this machine, which signs), the "
        "account's firewall, or give the identity the role 'Storage Blob Data Owner' ('Storage Blob Data "
        "Contributor' does not allow tags)",
    )


def _transient(refusal: Refusal) -> TransientError | None:
    status, wait = refusal.status, refusal.retry_after_seconds
    text = f"Blob Storage answered {_said(refusal)}"
    reason = "throttled" if status == 429 else _PASSING.get(refusal.code)
    if reason is not None:
        hint = (
            "the account is at its limit: Replicator waits as it is told" if reason == "throttled" else ""
        )
        return TransientError(text, hint=hint, retry_after_seconds=wait, settled=True, reason=reason)
    if status == 408 or status >= 500:
        return TransientError(text, retry_after_seconds=wait, settled=False)
    return None


def _of_change(refusal: Refusal, *, of_change: bool) -> ChangeError | None:
    if not of_change or refusal.code in {"ContainerNotFound", "ContainerDisabled"}:
        return None
    hint = _HELD.get(refusal.code) or (_LEASED if "Lease" in refusal.code else "")
    if hint:
        return ChangeError(f"the blob cannot be written: {_said(refusal)}", hint=hint)
    if refusal.status in {400, 409, 411, 412, 413}:
        return ChangeError(f"Blob Storage refuses the object: {_said(refusal)}")
    return None


def _permanent(refusal: Refusal) -> PermanentError:
    if refusal.status in {401, 403}:
        return refused_credential(_said(refusal))
    if refusal.status == 404:
        return PermanentError(
            f"the container is not there: {_said(refusal)}",
            hint="create the container, or correct the configuration; if it was removed while it was being "
            "filled, a new backfill is needed",
        )
    return PermanentError(f"Blob Storage answered {_said(refusal)}")


def _said(refusal: Refusal) -> str:
    code = f"{refusal.status} {refusal.code}".strip()
    said = _first_line(refusal.message)
    return f"{code}: {said}" if said else code


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()[:300]
