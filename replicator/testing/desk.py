"""Where a verification of the simulator works and reports: in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from replicator.model.key import Key, key_text
from replicator.stores import Difference


class InMemoryComparison:
    """Two sides' digests by key, in the order of the keys' texts."""

    def __init__(self) -> None:
        self._sides: dict[str, dict[Key, bytes]] = {}

    async def add(self, side: str, digests: Sequence[tuple[Key, bytes]]) -> None:
        """Note digests of one side."""
        self._sides.setdefault(side, {}).update(digests)

    async def differences(self, after: Key | None, limit: int) -> Sequence[Difference]:
        """Keys whose digests differ or are on one side only."""
        source, sink = self._sides.get("source", {}), self._sides.get("sink", {})
        least = "" if after is None else key_text(after)
        different = (key for key in {**source, **sink} if source.get(key) != sink.get(key))
        found = sorted((key for key in different if key_text(key) > least), key=key_text)[:limit]
        return [Difference(key, source.get(key)) for key in found]

    async def close(self) -> None:
        """Forget everything."""
        self._sides.clear()


class InMemoryReport:
    """Lines in a list."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.lines: list[Mapping[str, Any]] = []

    async def write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Append lines."""
        self.lines.extend(lines)

    async def close(self) -> None:
        """Nothing to finish."""
