"""What went wrong at Cosmos DB, in our words.

Pure: ``client`` reads the vendor's exceptions and hands over the numbers. Status codes are told by
learn.microsoft.com/rest/api/cosmos-db/http-status-codes-for-cosmosdb, sub-statuses by azure-cosmos'
``http_constants.SubStatusCodes``.
"""

from __future__ import annotations

from typing import NamedTuple

from replicator.model.errors import ChangeError, PermanentError, ReplicatorError, TransientError

NOT_FOUND = 404
CONFLICT = 409
PRECONDITION_FAILED = 412
TOO_LARGE = 413

_WRITE_FORBIDDEN = (403, 3)  # the region is not the writable one (any more): a failover is under way
_ACCOUNT_MOVED = (403, 1008)
_PARTITION_FULL = (403, 1014)
_SESSION_BEHIND = (404, 1002)
_RANGE_GONE = (410, 1002)

_SETTLED = {
    # The service says of these that nothing was applied.
    _WRITE_FORBIDDEN: "failover",
    _ACCOUNT_MOVED: "failover",
    _RANGE_GONE: "moved",
    _SESSION_BEHIND: "behind",
}


class Refusal(NamedTuple):
    """An answer of the service that is not a success.

    ``retry_after_seconds`` is the service's own word (``x-ms-retry-after-ms``), where it gave one.
    """

    status: int
    sub_status: int = 0
    message: str = ""
    retry_after_seconds: float | None = None


class RefusedError(Exception):
    """An answer of the service, on its way from ``client`` to where its meaning is known."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class BatchRefusedError(RefusedError):
    """A transactional batch was refused as a whole because of the operation at ``index``."""

    def __init__(self, refusal: Refusal, index: int) -> None:
        super().__init__(refusal)
        self.index = index


def is_absent(refusal: Refusal) -> bool:
    """Whether the answer says that the document, not its container, is not there."""
    return refusal.status == NOT_FOUND and refusal.sub_status == 0


def translate(refusal: Refusal, *, of_change: bool = False) -> ReplicatorError:
    """The error that the answer is; ``of_change`` where the call carried a change of the pipeline's."""
    return _transient(refusal) or _of_change(refusal, of_change=of_change) or _permanent(refusal)


def unreachable(detail: str) -> TransientError:
    """No connection came about, so nothing was sent."""
    return TransientError(
        f"Cosmos DB cannot be reached: {detail}",
        hint="check the endpoint, the name resolution and the firewall of the account",
        settled=True,
        reason="unreachable",
    )


def unanswered(detail: str) -> TransientError:
    """The call was sent, and no answer came: it may still land."""
    return TransientError(f"Cosmos DB did not answer: {detail}", settled=False, reason="unanswered")


def refused_credential(detail: str) -> PermanentError:
    """No usable credential, said by the identity library or by the service."""
    return PermanentError(
        f"Cosmos DB refuses the credential: {_first_line(detail)}",
        hint="check the key (and the clock of this machine, which signs it), or give the identity the role "
        "'Cosmos DB Built-in Data Contributor' on the account",
    )


def _transient(refusal: Refusal) -> TransientError | None:
    status = refusal.status
    text = f"Cosmos DB answered {_said(refusal)}"
    if status == 429:
        hint = "raise the throughput of the container, or let it adapt: Replicator waits as it is told"
        return TransientError(
            text,
            hint=hint,
            retry_after_seconds=refusal.retry_after_seconds,
            settled=True,
            reason="throttled",
        )
    if (status, refusal.sub_status) in _SETTLED:
        return TransientError(text, settled=True, reason=_SETTLED[status, refusal.sub_status])
    if status == 449:
        return TransientError(
            text, retry_after_seconds=refusal.retry_after_seconds, settled=True, reason="contended"
        )
    if status in {408, 410} or status >= 500:
        return TransientError(text, retry_after_seconds=refusal.retry_after_seconds, settled=False)
    return None


def _of_change(refusal: Refusal, *, of_change: bool) -> ChangeError | None:
    if not of_change:
        return None
    if (refusal.status, refusal.sub_status) == _PARTITION_FULL:
        return ChangeError(
            f"the logical partition is full: {_said(refusal)}",
            hint="one partition key value holds 20 GB; a container with a hierarchical partition key takes "
            "more (partition_key_paths)",
        )
    if refusal.status in {400, TOO_LARGE}:
        return ChangeError(f"Cosmos DB refuses the document: {_said(refusal)}")
    return None


def _permanent(refusal: Refusal) -> PermanentError:
    if refusal.status in {401, 403}:
        return refused_credential(_said(refusal))
    if refusal.status == NOT_FOUND:
        return PermanentError(
            f"the database or the container is not there: {_said(refusal)}",
            hint="create the container, with the partition key that partition_key_paths says, or correct "
            "the configuration; if it was removed while it was being filled, a new backfill is needed",
        )
    return PermanentError(f"Cosmos DB answered {_said(refusal)}")


def _said(refusal: Refusal) -> str:
    code = f"{refusal.status}/{refusal.sub_status}" if refusal.sub_status else f"{refusal.status}"
    said = _first_line(refusal.message)
    return f"{code}: {said}" if said else code


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()[:300]
