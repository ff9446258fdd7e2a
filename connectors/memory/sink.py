"""The sink: writes a container, plainly, if absent, or on condition, and reads it back."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping, Sequence

from connectors.memory.codec import document_of, record_of
from connectors.memory.config import MemorySinkSettings
from connectors.memory.container import MemoryContainer, Operation, Verb
from connectors.memory.errors import ContainerError, Refusal, translate
from connectors.memory.rows import pieces
from replicator.connector import Finding, Severity
from replicator.model.change import Change, Page, Row
from replicator.model.errors import BatchError, ReplicatorError
from replicator.model.key import Key, key_text


class MemorySink:
    """A sink whose batches are transactional and hold keys of one first part."""

    def __init__(self, container: MemoryContainer, settings: MemorySinkSettings) -> None:
        self._container = container
        self._settings = settings

    async def connect(self) -> None:
        """Nothing to make ready."""

    def group(self, key: Key) -> Hashable:
        """The first part of the key, as a container's partition key."""
        return key[0]

    @property
    def batch_changes_max(self) -> int:
        """As configured."""
        return self._settings.batch_changes_max

    async def write(self, changes: Sequence[Change]) -> None:
        """Apply the changes in one batch; those the container cannot take are left out and named."""
        await asyncio.sleep(0)  # a call to a service always lets others run
        refused = self._send([_operation(change, Verb.UPSERT) for change in changes])
        _raise_refused(refused, len(changes))

    async def insert(self, changes: Sequence[Change]) -> None:
        """Create what is absent, in one batch."""
        await asyncio.sleep(0)
        absent = [change for change in changes if self._container.rows.get(change.key) is None]
        refused = self._send([_operation(change, Verb.CREATE) for change in absent])
        _raise_refused(refused, len(changes))

    async def write_if(self, change: Change, etag: str | None) -> bool:
        """Apply one change if the document has this ETag, or is absent with None."""
        await asyncio.sleep(0)
        if etag is None and change.record is None:
            return self._container.rows.get(change.key) is None
        operation = _operation(change, Verb.CREATE if etag is None else Verb.UPSERT)
        try:
            self._container.apply([operation._replace(if_match=etag)])
        except ContainerError as error:
            if error.refusal in (Refusal.EXISTS, Refusal.CHANGED):
                return False
            raise translate(error) from error
        return True

    async def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """Documents as they are now, with their ETags."""
        await asyncio.sleep(0)
        found = ((key, self._container.rows.get(key)) for key in keys)
        return {key: Row(key, record_of(row.document), row.etag) for key, row in found if row is not None}

    async def pieces(self) -> Sequence[str]:
        """Equal ranges of key hashes."""
        return pieces(self._settings.pieces)

    async def scan(self, piece: str, cursor: str | None) -> Page:
        """Documents of a piece in the order of their hashes."""
        await asyncio.sleep(0)
        rows, following = self._container.rows.page(piece, cursor, self._settings.page_rows_max)
        return Page([Row(key, record_of(row.document), row.etag) for key, row in rows], following)

    async def estimate(self) -> int | None:
        """The number of documents; here it is exact."""
        return len(self._container.rows)

    async def is_empty(self) -> bool:
        """Whether there is no document."""
        await asyncio.sleep(0)
        return not len(self._container.rows)

    async def probe(self) -> Sequence[Finding]:
        """A container is created on first use, so nothing can be missing."""
        return ()

    def examine(self, rows: Sequence[Row]) -> Sequence[Finding]:
        """Which of these records are larger than the container takes."""
        bytes_max = self._container.document_bytes_max
        large = [row.key for row in rows if len(document_of(row.record)) > bytes_max]
        if not large:
            return ()
        said = f"in a sample of {len(rows)} records {len(large)} are too large"
        hint = "each becomes a dead letter; make them smaller at the source"
        return [Finding(Severity.WARNING, f"{said}, the first, {key_text(large[0])}", hint)]

    async def close(self) -> None:
        """Nothing to release."""

    def _send(self, operations: Sequence[Operation]) -> dict[Key, ReplicatorError]:
        """Apply all but those that the container cannot take; a refused batch is sent without them."""
        refused: dict[Key, ReplicatorError] = {}
        remaining = list(operations)
        while remaining:
            try:
                self._container.apply(remaining)
            except ContainerError as error:
                refused[error.key] = translate(error)
                remaining = [operation for operation in remaining if operation.key != error.key]
            else:
                break
        return refused


def _operation(change: Change, verb: Verb) -> Operation:
    if change.record is None:
        return Operation(Verb.DELETE, change.key)
    return Operation(verb, change.key, document_of(change.record))


def _raise_refused(refused: Mapping[Key, ReplicatorError], sent: int) -> None:
    if refused and sent == 1:
        raise next(iter(refused.values()))
    if refused:
        raise BatchError(refused)
