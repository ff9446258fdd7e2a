"""Rules that befall calls: what the fault injection of every stand-in of ours shares."""

from collections.abc import Callable
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field


class Rule(BaseModel):
    """A rule that lets some matching calls pass and then strikes some.

    Attributes:
        skip: how many matching calls pass unharmed first.
        count: how many calls it befalls; None for all.
    """

    model_config = ConfigDict(extra="forbid")

    skip: int = Field(default=0, ge=0)
    count: int | None = Field(default=1, ge=0)


R = TypeVar("R", bound=Rule)


class Rules(Generic[R]):
    """The rules in force, oldest first."""

    def __init__(self) -> None:
        self._rules: list[R] = []

    def __bool__(self) -> bool:
        return bool(self._rules)

    def add(self, rule: R) -> R:
        """Put a rule in force; returned as kept, with its ``count`` going down as it strikes."""
        kept = rule.model_copy()
        self._rules.append(kept)
        return kept

    def clear(self) -> None:
        """Drop all rules."""
        self._rules.clear()

    @property
    def rules(self) -> list[R]:
        """The rules that can still strike."""
        return list(self._rules)

    def struck(self, matches: Callable[[R], bool]) -> list[R]:
        """The rules that befall a call, which is counted."""
        if not self._rules:
            return []
        struck = [rule for rule in self._rules if matches(rule) and _counts(rule)]
        self._rules = [rule for rule in self._rules if rule.count != 0]
        return struck


def _counts(rule: Rule) -> bool:
    if rule.skip:
        rule.skip -= 1
        return False
    if rule.count is not None:
        rule.count -= 1
    return True
