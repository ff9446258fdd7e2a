"""A container of documents with ETags and transactional batches: what a document store looks like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

from connectors.memory.errors import ContainerError, Refusal
from connectors.memory.rows import Rows
from replicator.model.key import Key

DOCUMENT_BYTES_MAX = 2 * 1024 * 1024


class Verb(Enum):
    """What an operation does."""

    UPSERT = "upsert"
    CREATE = "create"  # refused where the key is present
    DELETE = "delete"  # of an absent key: nothing happens


class Operation(NamedTuple):
    """One operation of a batch; with ``if_match`` it needs the document to have this ETag."""

    verb: Verb
    key: Key
    document: bytes | None = None
    if_match: str | None = None


class MemoryContainer:
    """The container.

    Args:
        document_bytes_max: larger documents are refused for good.
    """

    def __init__(self, *, document_bytes_max: int = DOCUMENT_BYTES_MAX) -> None:
        self.document_bytes_max = document_bytes_max
        self.rows = Rows()
        self._watchers: list[Callable[[Operation], None]] = []

    def apply(self, operations: Sequence[Operation]) -> None:
        """Apply all operations, or none.

        Raises:
            ContainerError: names the first operation that is refused.
        """
        for operation in operations:
            self._check(operation)
        for operation in operations:
            self._carry_out(operation)

    def watch(self, watcher: Callable[[Operation], None]) -> None:
        """Call this after every operation that was carried out."""
        self._watchers.append(watcher)

    def _check(self, operation: Operation) -> None:
        stored = self.rows.get(operation.key)
        if operation.document is not None and len(operation.document) > self.document_bytes_max:
            raise ContainerError(Refusal.TOO_LARGE, operation.key)
        if operation.verb is Verb.CREATE and stored is not None:
            raise ContainerError(Refusal.EXISTS, operation.key)
        if operation.if_match is not None and (stored is None or stored.etag != operation.if_match):
            raise ContainerError(Refusal.CHANGED, operation.key)

    def _carry_out(self, operation: Operation) -> None:
        if operation.document is None:
            self.rows.remove(operation.key)
        else:
            self.rows.put(operation.key, operation.document)
        for watcher in self._watchers:
            watcher(operation)
