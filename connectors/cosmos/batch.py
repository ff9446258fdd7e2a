"""How the changes of one call become transactional batches, and what is done when one is refused.

A batch is applied whole or not at all. So where one operation is refused, either it turns out to need
nothing (deleting what is absent, creating what is present) or it is a failure of its own; both are taken
out, and the rest is sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from connectors.cosmos.client import CosmosContainer, Operation
from connectors.cosmos.codec import Document
from connectors.cosmos.errors import (
    CONFLICT,
    BatchRefusedError,
    Refusal,
    RefusedError,
    is_absent,
    translate,
)
from connectors.cosmos.keys import Place
from connectors.cosmos.layout import Layout
from replicator.model.change import Change
from replicator.model.errors import ChangeError, ReplicatorError
from replicator.model.key import Key
from replicator.model.record import require_item

UPSERT = "upsert"
CREATE = "create"
DELETE = "delete"

BATCH_BYTES_MAX = 2 * 1024 * 1024 - 64 * 1024
"""Bytes of documents in one batch: 2 MB by the service, less room for what the request says around them."""

SINGLES_MAX = 16
"""Calls that are under way at once where each document needs one of its own."""

_OPERATION_BYTES = 128  # what the request says around each document, generously

Failures = dict[Key, ReplicatorError]


class Write(NamedTuple):
    """A change as it is sent; ``document`` is None exactly where ``verb`` is ``delete``."""

    verb: str
    key: Key
    at: Place
    document: Document | None = None
    size_bytes: int = 0


def write_of(change: Change, verb: str, layout: Layout, now: float) -> Write:
    """The write of a change, at this time; ``verb`` says how a record is written.

    Raises:
        ChangeError: the record has no form in Cosmos DB.
    """
    at = layout.place(change.key)
    if change.record is None:
        return Write(DELETE, change.key, at)
    encoded = layout.document(require_item(change.record), at, now)
    return Write(verb, change.key, at, encoded.document, encoded.size_bytes)


async def apply(container: CosmosContainer, writes: Sequence[Write], *, singly: bool) -> Failures:
    """Apply writes of one hash part, and say which failed, each with its error.

    With ``singly`` every document is a logical partition of its own, which no batch can span.
    """
    failures: Failures = {}
    if singly:
        for start in range(0, len(writes), SINGLES_MAX):
            singles = [[write] for write in writes[start : start + SINGLES_MAX]]
            failures |= await _apply_at_once(container, singles)
        return failures
    for chunk in _chunks(writes):
        failures |= await _apply_chunk(container, chunk)
    return failures


def _chunks(writes: Sequence[Write]) -> Iterator[Sequence[Write]]:
    start = size = 0
    for index, write in enumerate(writes):
        size += write.size_bytes + _OPERATION_BYTES
        if size > BATCH_BYTES_MAX and index > start:
            yield writes[start:index]
            start, size = index, write.size_bytes + _OPERATION_BYTES
    if start < len(writes):
        yield writes[start:]


async def _apply_at_once(container: CosmosContainer, chunks: Sequence[Sequence[Write]]) -> Failures:
    failures: Failures = {}
    for outcome in await asyncio.gather(*(_apply_chunk(container, chunk) for chunk in chunks)):
        failures |= outcome
    return failures


async def _apply_chunk(container: CosmosContainer, writes: Sequence[Write]) -> Failures:
    failures: Failures = {}
    while writes:
        try:
            writes = await _attempt(container, writes, failures)
        except RefusedError as error:
            return failures | await _after_refusal(container, writes, error.refusal)
        except ReplicatorError as error:
            return failures | dict.fromkeys((write.key for write in writes), error)
    return failures


async def _attempt(
    container: CosmosContainer, writes: Sequence[Write], failures: Failures
) -> Sequence[Write]:
    """Send the writes once; what is still to be sent afterwards, ever fewer."""
    try:
        await _send(container, writes)
    except BatchRefusedError as error:
        refused = writes[error.index]
        rest = [write for write in writes if write is not refused]
        if _needs_nothing(refused, error.refusal):
            return await _after_needless(container, refused, rest, failures)
        failure = translate(error.refusal, of_change=True)
        if not isinstance(failure, ChangeError):
            raise failure from error
        failures[refused.key] = failure
        return rest
    return []


async def _send(container: CosmosContainer, writes: Sequence[Write]) -> None:
    if len(writes) > 1:
        await container.transact([_operation(write) for write in writes], writes[0].at)
        return
    (write,) = writes
    if write.document is None:
        await container.delete(write.at)
    elif write.verb == CREATE:
        await container.create(write.document)
    else:
        await container.upsert(write.document)


async def _after_refusal(container: CosmosContainer, writes: Sequence[Write], refusal: Refusal) -> Failures:
    """Halve a batch that was refused as a whole because of what it holds, until the culprit is alone."""
    if len(writes) == 1 and _needs_nothing(writes[0], refusal):
        return {}
    error = translate(refusal, of_change=True)
    if len(writes) == 1 or not isinstance(error, ChangeError):
        return dict.fromkeys((write.key for write in writes), error)
    half = len(writes) // 2
    return await _apply_chunk(container, writes[:half]) | await _apply_chunk(container, writes[half:])


async def _after_needless(
    container: CosmosContainer, refused: Write, rest: Sequence[Write], failures: Failures
) -> Sequence[Write]:
    """What is still to be sent once one operation turned out to need nothing.

    That a delete is needless is proved only by its own refusal, never by a read, which may be answered by a
    replica that does not have the document yet. So the other deletes go out one by one. A create may be
    left out on a read's word: a row whose document was deleted since has a tombstone, and is not sent.
    """
    if refused.verb == CREATE:
        return await _without_present(container, rest)
    deletes = [[write] for write in rest if write.verb == DELETE]
    failures |= await _apply_at_once(container, deletes)
    return [write for write in rest if write.verb != DELETE]


async def _without_present(container: CosmosContainer, writes: Sequence[Write]) -> Sequence[Write]:
    """The writes less the creates of what is present."""
    creates = [write for write in writes if write.verb == CREATE]
    if not creates:
        return writes
    try:
        present = await container.present([write.at.id for write in creates], creates[0].at)
    except RefusedError as error:
        raise translate(error.refusal) from error
    return [write for write in writes if write.verb != CREATE or write.at.id not in present]


def _needs_nothing(write: Write, refusal: Refusal) -> bool:
    if write.verb == DELETE:
        return is_absent(refusal)
    return write.verb == CREATE and refusal.status == CONFLICT


def _operation(write: Write) -> Operation:
    if write.document is None:
        return (DELETE, (write.at.id,))
    return (write.verb, (write.document,))
