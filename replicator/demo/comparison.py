"""Comparing what a side holds with the writer's ledger, item by item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from replicator.demo.canonical import TypedItem, canonical
from replicator.demo.ends import Ends
from replicator.demo.ledger import Ledger, LedgerKey, key_of
from replicator.demo.reading import item_of

SHOWN_MAX = 5


@dataclass
class Comparison:
    """What one side holds against what it has to hold.

    Attributes:
        side: its name.
        expected: how many items it has to hold.
        equal: how many it holds exactly as they were written.
        missing, different, extra: the keys of the others; an item that is there twice is extra.
    """

    side: str
    expected: int
    equal: int = 0
    missing: list[LedgerKey] = field(default_factory=list)
    different: list[LedgerKey] = field(default_factory=list)
    extra: list[LedgerKey] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """True where nothing is missing, different or extra."""
        return not (self.missing or self.different or self.extra)

    @property
    def examples(self) -> list[str]:
        """The first keys of each kind of finding, in words."""
        found = {"missing": self.missing, "different": self.different, "extra": self.extra}
        return [
            f"{kind} in {self.side}: {' / '.join(key)}"
            for kind, keys in found.items()
            for key in keys[:SHOWN_MAX]
        ]


def compare(side: str, held: Iterable[TypedItem], expected: Mapping[LedgerKey, str]) -> Comparison:
    """Compare every item that a side holds with what the ledger says of its key."""
    comparison = Comparison(side, len(expected))
    seen: set[LedgerKey] = set()
    for item in held:
        key = key_of(item)
        if key not in expected or key in seen:
            comparison.extra.append(key)
        elif canonical(item) == expected[key]:
            comparison.equal += 1
        else:
            comparison.different.append(key)
        seen.add(key)
    comparison.missing = sorted(expected.keys() - seen)
    return comparison


def compare_side(side: str, environment: Mapping[str, str], ledger: Path) -> Comparison:
    """Read one side, ``source`` or ``sink``, and compare it; for a process of its own."""
    expected = dict(Ledger(ledger).items())
    ends = Ends(environment)
    if side == "source":
        return compare("DynamoDB", ends.items(), expected)
    return compare("Cosmos DB", map(item_of, ends.documents()), expected)
