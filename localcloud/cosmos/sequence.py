"""Documents in a growing order that are found by position and leave holes when they go."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import compress

from localcloud.cosmos.document import Document

_HOLES_MIN = 64


class Sequence:
    """Documents by a key that never decreases: order of creation, or of the last write."""

    def __init__(self) -> None:
        self._keys = array("Q")
        self._documents: list[Document | None] = []
        self._holes = 0

    def __len__(self) -> int:
        return len(self._keys) - self._holes

    def append(self, key: int, document: Document) -> None:
        """Add a document at the end; ``key`` is at least the last one."""
        self._keys.append(key)
        self._documents.append(document)

    def replace(self, key: int, old: Document, new: Document) -> None:
        """Put ``new`` where ``old`` was."""
        self._documents[self._place(key, old)] = new

    def remove(self, key: int, document: Document) -> None:
        """Take a document out."""
        self._documents[self._place(key, document)] = None
        self._holes += 1
        if self._holes > max(_HOLES_MIN, len(self._keys) // 2):
            self._close_holes()

    def after(self, key: int) -> Iterator[Document]:
        """Yield the documents whose key is greater, in order."""
        for place in range(bisect_right(self._keys, key), len(self._keys)):
            document = self._documents[place]
            if document is not None:
                yield document

    def _place(self, key: int, document: Document) -> int:
        place = bisect_left(self._keys, key)
        # The documents of one batch share a key; identity tells them apart.
        while self._documents[place] is not document:
            place += 1
        return place

    def _close_holes(self) -> None:
        kept = [document is not None for document in self._documents]
        self._keys = array("Q", compress(self._keys, kept))
        self._documents = list(compress(self._documents, kept))
        self._holes = 0
