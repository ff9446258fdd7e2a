"""Objects by name, readable in the order of their names: the ground of bucket and store."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """What is kept by name. A piece is a range of names, which its own name tells."""

    def __init__(self) -> None:
        self._things: dict[str, T] = {}
        self._names: list[str] = []

    def __len__(self) -> int:
        return len(self._things)

    def get(self, name: str) -> T | None:
        """What is kept under this name."""
        return self._things.get(name)

    def put(self, name: str, thing: T) -> None:
        """Keep it under this name."""
        if name not in self._things:
            insort(self._names, name)
        self._things[name] = thing

    def remove(self, name: str) -> bool:
        """Keep it no more; False where there was nothing."""
        if self._things.pop(name, None) is None:
            return False
        del self._names[bisect_left(self._names, name)]
        return True

    def pieces(self, count: int) -> Sequence[str]:
        """Up to so many ranges of about as many names each, as they are now.

        Together they cover every name that there may ever be, since the first has no lower bound, the last
        no upper one, and each begins where the one before it ends.
        """
        places = (len(self._names) * index // count for index in range(1, count))
        bounds = sorted({self._names[place] for place in places if 0 < place < len(self._names)})
        return [json.dumps([low, high]) for low, high in zip([None, *bounds], [*bounds, None], strict=True)]

    def page(self, piece: str, cursor: str | None, limit: int) -> tuple[list[tuple[str, T]], str | None]:
        """Up to so many of a piece, after the name that the cursor is, and the cursor of the next page."""
        low, high = json.loads(piece)
        end = len(self._names) if high is None else bisect_left(self._names, high)
        if cursor is None:
            start = 0 if low is None else bisect_left(self._names, low)
        else:
            start = bisect_right(self._names, cursor)
        stop = min(start + limit, end)
        names = self._names[start:stop]
        return [(name, self._things[name]) for name in names], names[-1] if stop < end else None
