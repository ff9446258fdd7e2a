"""What checkers find wrong."""

from __future__ import annotations

from collections.abc import Iterator


class Violations:
    """Broken promises in words, each once, oldest first.

    A broken world may break hundreds of thousands of them, so that looking for one takes no longer then.
    """

    def __init__(self) -> None:
        self._said: dict[str, None] = {}

    def add(self, violation: str) -> None:
        """Note one, unless it is noted already."""
        self._said.setdefault(violation)

    def clear(self) -> None:
        """Forget them all."""
        self._said.clear()

    def __iter__(self) -> Iterator[str]:
        return iter(self._said)

    def __len__(self) -> int:
        return len(self._said)
