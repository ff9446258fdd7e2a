"""Documents by key, readable in the order of their keys' hashes: the ground of table and container."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from replicator.model.key import Key, key_text

_DIGITS = 16
_TOKENS = 16**_DIGITS
_AFTER_ALL = "g"  # greater than every hexadecimal digit


def token_of(key: Key) -> str:
    """The hash of a key, as 16 hexadecimal digits: the same in every process."""
    return hashlib.blake2b(key_text(key).encode(), digest_size=_DIGITS // 2).hexdigest()


class Stored(NamedTuple):
    """A document as it is kept, and the version tag that changes with every write of it."""

    document: bytes
    etag: str


@dataclass(slots=True)
class Rows:
    """The documents. Pieces are equal ranges of hashes, named ``index/count``."""

    _stored: dict[Key, Stored] = field(default_factory=dict)
    _order: list[tuple[str, Key]] = field(default_factory=list)
    _writes: int = 0

    def __len__(self) -> int:
        return len(self._stored)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._stored)

    def get(self, key: Key) -> Stored | None:
        """The document of a key, if it has one."""
        return self._stored.get(key)

    def put(self, key: Key, document: bytes) -> str:
        """Write a document and return its ETag."""
        if key not in self._stored:
            insort(self._order, (token_of(key), key), key=_token)
        self._writes += 1
        etag = f'"{self._writes}"'
        self._stored[key] = Stored(document, etag)
        return etag

    def remove(self, key: Key) -> bool:
        """Remove a document; False where there was none."""
        if self._stored.pop(key, None) is None:
            return False
        place = bisect_left(self._order, token_of(key), key=_token)
        while self._order[place][1] != key:  # two keys may share a hash
            place += 1
        del self._order[place]
        return True

    def page(
        self, piece: str, cursor: str | None, limit: int
    ) -> tuple[list[tuple[Key, Stored]], str | None]:
        """Up to ``limit`` rows of a piece after the cursor, and the cursor of the next page.

        Rows of equal hash are never parted, so a page may exceed the limit by such a tie.
        """
        low, high = _bounds(piece)
        start = (
            bisect_left(self._order, low, key=_token)
            if cursor is None
            else bisect_right(self._order, cursor, key=_token)
        )
        end = bisect_left(self._order, high, key=_token)
        stop = min(start + limit, end)
        if stop < end:
            stop = bisect_right(self._order, self._order[stop - 1][0], key=_token)
        rows = [(key, self._stored[key]) for _, key in self._order[start:stop]]
        return rows, self._order[stop - 1][0] if stop < end else None


def pieces(count: int) -> list[str]:
    """The names of so many pieces."""
    return [f"{index}/{count}" for index in range(count)]


def _bounds(piece: str) -> tuple[str, str]:
    index, count = map(int, piece.split("/"))
    low = f"{_TOKENS * index // count:0{_DIGITS}x}"
    high = f"{_TOKENS * (index + 1) // count:0{_DIGITS}x}"
    return low, high if index + 1 < count else _AFTER_ALL


def _token(entry: tuple[str, Key]) -> str:
    return entry[0]
