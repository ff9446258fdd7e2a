"""The meaning of DynamoDB's errors, in ours. Pure: the client hands over codes and messages.

Source of the codes: the service models of DynamoDB and DynamoDB Streams (API version 2012-08-10); those of
all services are in ``connectors.aws.errors``.
"""

from __future__ import annotations

from connectors.aws.errors import THROTTLES, Refusal, common, otherwise
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

_THROTTLES = THROTTLES | {"ProvisionedThroughputExceededException", "LimitExceededException"}

_SHARD_CALLS = frozenset({"GetShardIterator", "GetRecords"})


class IteratorExpiredError(TransientError):
    """A shard iterator outlived its 15 minutes; a new one at the same position goes on."""


def translate(refusal: Refusal) -> ReplicatorError:
    """What an error answer of the service means for the engine."""
    operation, code = refusal.operation, refusal.code
    known = common(
        refusal,
        rights=f"dynamodb:{operation} on the table and its stream",
        slower=_throttle_hint(operation),
        throttles=_THROTTLES,
    )
    if known is not None:
        return known
    if code == "ExpiredIteratorException":
        return IteratorExpiredError(refusal.text, settled=True, reason="iterator_expired")
    if code == "TrimmedDataAccessException":
        return PositionLostError(refusal.text, hint=WAY_OUT)
    if code == "ResourceNotFoundException":
        return _not_found(operation, refusal.text)
    return otherwise(refusal)


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
