"""Faults on demand: rules that make chosen operations fail, late, or lose their answer.

A fault *before* its operation leaves nothing done; one *after* it leaves it done and its caller unsure.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Fault", "Faults"]


class Fault(BaseModel):
    """One rule.

    Attributes:
        kind: ``drop`` resets the connection; ``freeze`` leaves it open and never answers on it again;
            ``busy`` refuses with server-busy; ``delay`` waits `delay_seconds`, with everything behind it
            on the connection; ``lock_lost`` lets the lock of the message (with its session's) expire.
        when: before the operation takes effect, or after.
        operation: only operations of this name: ``attach``, ``put-token``, ``send`` (a message or batch),
            ``receive`` (one delivery), ``settle``, or one of ``$management`` without its prefix, such as
            ``peek-message``; None for any.
        queue: only operations on the queue of this path; None for any.
        skip: how many matching operations pass unharmed first.
        count: how many operations it befalls; None for all.
        delay_seconds: of kind ``delay``.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["drop", "freeze", "busy", "delay", "lock_lost"]
    when: Literal["before", "after"] = "before"
    operation: str | None = None
    queue: str | None = None
    skip: int = Field(default=0, ge=0)
    count: int | None = Field(default=1, ge=0)
    delay_seconds: float = Field(default=0.0, ge=0)


class Faults:
    """The rules in force, oldest first."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []

    def __bool__(self) -> bool:
        return bool(self._rules)

    def add(self, fault: Fault) -> Fault:
        """Put a rule in force; returned as kept, with its ``count`` going down as it strikes."""
        kept = fault.model_copy()
        self._rules.append(kept)
        return kept

    def clear(self) -> None:
        """Drop all rules."""
        self._rules.clear()

    @property
    def rules(self) -> list[Fault]:
        """The rules that can still strike."""
        return list(self._rules)

    def strike(self, operation: str, queue: str) -> list[Fault]:
        """Return the rules that befall an operation, and count it."""
        if not self._rules:
            return []
        struck = [rule for rule in self._rules if _matches(rule, operation, queue) and _counts(rule)]
        self._rules = [rule for rule in self._rules if rule.count != 0]
        return struck


def _matches(rule: Fault, operation: str, queue: str) -> bool:
    return rule.operation in (None, operation) and rule.queue in (None, queue)


def _counts(rule: Fault) -> bool:
    if rule.skip:
        rule.skip -= 1
        return False
    if rule.count is not None:
        rule.count -= 1
    return True
