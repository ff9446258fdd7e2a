"""Comparing what a side holds with its writer's ledger, one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from replicator.demo.ledger import LedgerKey

SHOWN_MAX = 5


@dataclass
class Comparison:
    """What one side holds against what it has to hold.

    Attributes:
        side: its name.
        expected: how many it has to hold.
        equal: how many it holds exactly as they were written.
        missing, different, extra: the keys of the others; what is there twice is extra.
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


def compare(
    side: str, held: Iterable[tuple[LedgerKey, str]], expected: Mapping[LedgerKey, str]
) -> Comparison:
    """Compare everything that a side holds, as key and canonical text, with what the ledger says."""
    comparison = Comparison(side, len(expected))
    seen: set[LedgerKey] = set()
    for key, text in held:
        if key not in expected or key in seen:
            comparison.extra.append(key)
        elif text == expected[key]:
            comparison.equal += 1
        else:
            comparison.different.append(key)
        seen.add(key)
    comparison.missing = sorted(expected.keys() - seen)
    return comparison
