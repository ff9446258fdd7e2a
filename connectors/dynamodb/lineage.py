"""The shards of a stream: who follows whom, and where reading begins. Pure.

A shard takes the writes of a part of the table for some hours; then it is closed and its children take
over. A child's records are later than its parent's, so a child is read only after its parent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.dynamodb.positions import Place, Where


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard as DescribeStream shows it; a closed one takes no more records."""

    id: str
    parent: str | None
    closed: bool


class Lineage:
    """All shards that one listing showed, in its order."""

    def __init__(self, shards: Iterable[Shard]) -> None:
        self.shards = {shard.id: shard for shard in shards}
        self._children: dict[str, list[str]] = {}
        for shard in self.shards.values():
            if shard.parent is not None:
                self._children.setdefault(shard.parent, []).append(shard.id)

    def children(self, shard: str) -> tuple[str, ...]:
        """The shards that take over from this one."""
        return tuple(self._children.get(shard, ()))

    def ancestors(self, shard: str) -> Iterator[str]:
        """Parent, grandparent and so on, as far as they are listed."""
        seen = {shard}
        parent = self._parent(shard)
        while parent is not None and parent not in seen:
            seen.add(parent)
            yield parent
            parent = self._parent(parent)

    def is_open_leaf(self, shard: str) -> bool:
        """Whether the shard takes records now."""
        known = self.shards[shard]
        return not known.closed and shard not in self._children

    def open_leaves(self) -> tuple[str, ...]:
        """Every shard that takes records now."""
        return tuple(shard for shard in self.shards if self.is_open_leaf(shard))

    def roots(self) -> tuple[str, ...]:
        """Shards whose parents are no longer listed: the oldest that can be read."""
        return tuple(shard for shard in self.shards if self._parent(shard) is None)

    def _parent(self, shard: str) -> str | None:
        parent = self.shards[shard].parent
        return parent if parent in self.shards else None


def lineage_of(stream: Mapping[str, Any]) -> Lineage:
    """The lineage in a DescribeStream answer."""
    return Lineage(
        Shard(
            shard["ShardId"],
            shard.get("ParentShardId") or None,
            bool(shard.get("SequenceNumberRange", {}).get("EndingSequenceNumber")),
        )
        for shard in stream["Shards"]
    )


def oldest_places(lineage: Lineage, now: float) -> dict[str, Place]:
    """A start that leaves nothing out: every root at its oldest record; what follows comes in its turn."""
    return {shard: Place(Where.OLDEST, now) for shard in lineage.roots()}


def newest_places(lineage: Lineage, now: float) -> dict[str, Place]:
    """A start behind everything: each open leaf at its newest, and nothing of any other shard.

    Closed shards that no leaf descends from are at their end, so that they are not read later.
    """
    leaves = lineage.open_leaves()
    passed = {ancestor for leaf in leaves for ancestor in lineage.ancestors(leaf)}
    ended = {shard: Place(Where.END, now) for shard in lineage.shards if shard not in passed}
    return ended | dict.fromkeys(leaves, Place(Where.NEWEST, now))


def resumed_places(saved: Mapping[str, Place], lineage: Lineage, now: float) -> dict[str, Place]:
    """Where reading goes on: the saved places, and the shards that open now.

    Ended shards that are no longer listed are left out. What opens without a known parent may have lost
    records ever since the lineage was last known, so it counts as unread from the oldest saved time on.
    """
    kept = {
        shard: place
        for shard, place in saved.items()
        if shard in lineage.shards or place.where is not Where.END
    }
    oldest = min((place.since for place in saved.values()), default=now)
    return kept | uncovered_places(kept, lineage, oldest)


def uncovered_places(known: Mapping[str, Place], lineage: Lineage, since: float) -> dict[str, Place]:
    """Shards that have to be opened: those which no known place covers.

    ``since`` is from when on a shard without a known parent is unread.

    A known place covers its shard, the shard's ancestors, and, until it is at its end, the descendants,
    which come in their turn. A child of an ended shard begins at its oldest record.
    """
    listed = [shard for shard in known if shard in lineage.shards]
    passed = {ancestor for shard in listed for ancestor in lineage.ancestors(shard)}
    missing = [shard for shard in lineage.shards if shard not in known and shard not in passed]
    unread = {shard for shard, place in known.items() if place.where is not Where.END}
    before = unread.union(missing)
    opening = [shard for shard in missing if before.isdisjoint(lineage.ancestors(shard))]
    return {shard: Place(Where.OLDEST, _since(shard, known, lineage, since)) for shard in opening}


def _since(shard: str, known: Mapping[str, Place], lineage: Lineage, otherwise: float) -> float:
    parent = lineage.shards[shard].parent
    return known[parent].since if parent is not None and parent in known else otherwise
