"""A store of objects with ETags: bodies come in blocks that nobody sees until a commit names them.

Source: Azure Blob Storage REST reference, Put Block, Put Block List.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from connectors.memory.objects.errors import Refusal, StoreError
from connectors.memory.objects.shelf import Shelf
from replicator.model.record import Object

OBJECT_BYTES_MAX = 1024**4


class Held(NamedTuple):
    """An object as the store holds it: what it was told, under an ETag that changes at every write."""

    body: bytes
    record: Object
    etag: str


class MemoryObjectStore:
    """The store.

    Args:
        object_bytes_max: larger objects are refused for good.
    """

    def __init__(self, *, object_bytes_max: int = OBJECT_BYTES_MAX) -> None:
        self.object_bytes_max = object_bytes_max
        self.objects: Shelf[Held] = Shelf()
        self.staged_bytes = 0  # of all blocks that ever came
        self._staged: dict[str, dict[str, bytes]] = {}
        self._writes = 0
        self._attempts = 0
        self._watchers: list[Callable[[str, Held | None], None]] = []

    def new_attempt(self) -> int:
        """A number not given before, so that the blocks of two attempts never mix."""
        self._attempts += 1
        return self._attempts

    def stage(self, name: str, block: str, data: bytes) -> None:
        """Take a block, under an id of the caller's; one of the same name and id is replaced."""
        self._staged.setdefault(name, {})[block] = data
        self.staged_bytes += len(data)

    def commit(self, name: str, blocks: Sequence[str], record: Object, if_match: str | None) -> str:
        """Make these blocks the object, where it has this ETag, or, with None, where there is none.

        All other blocks of the name are dropped, those of other attempts too. Returns the new ETag.

        Raises:
            StoreError: the condition does not hold, a block is not there, or the object is too large.
        """
        self._check(name, if_match)
        staged = self._staged.get(name, {})
        if not all(block in staged for block in blocks):
            raise StoreError(Refusal.MISSING_BLOCK, name)
        body = b"".join(staged[block] for block in blocks)
        if len(body) > self.object_bytes_max:
            raise StoreError(Refusal.TOO_LARGE, name)
        self._staged.pop(name, None)
        self._writes += 1
        held = Held(body, record, f'"{self._writes}"')
        self.objects.put(name, held)
        self._tell(name, held)
        return held.etag

    def remove(self, name: str, if_match: str) -> bool:
        """Remove the object where it has this ETag; False where there is none.

        Raises:
            StoreError: it has another.
        """
        if self.objects.get(name) is None:
            return False
        self._check(name, if_match)
        self.objects.remove(name)
        self._tell(name, None)
        return True

    def watch(self, watcher: Callable[[str, Held | None], None]) -> None:
        """Call this after every commit and removal with the name and what is there after it."""
        self._watchers.append(watcher)

    def _check(self, name: str, if_match: str | None) -> None:
        held = self.objects.get(name)
        if if_match is None and held is not None:
            raise StoreError(Refusal.EXISTS, name)
        if if_match is not None and (held is None or held.etag != if_match):
            raise StoreError(Refusal.CHANGED, name)

    def _tell(self, name: str, held: Held | None) -> None:
        for watcher in self._watchers:
            watcher(name, held)
