"""Faults on demand: rules that make chosen operations fail, late, or lose their answer.

A fault *before* its operation leaves nothing done; one *after* it leaves it done and its caller unsure.
"""

from typing import Literal

from pydantic import Field

from localcloud.rules import Rule, Rules

__all__ = ["Fault", "Faults"]


class Fault(Rule):
    """One rule.

    Attributes:
        kind: ``drop`` resets the connection; ``freeze`` leaves it open and never answers on it again;
            ``busy`` refuses with server-busy; ``detach`` ends the link of a ``send`` with server-busy, and
            answers nothing else; ``delay`` waits `delay_seconds`, with everything behind it
            on the connection; ``lock_lost`` lets the lock of the message (with its session's) expire.
        when: before the operation takes effect, or after.
        operation: only operations of this name: ``attach``, ``put-token``, ``send`` (a message or batch),
            ``receive`` (one delivery), ``settle``, or one of ``$management`` without its prefix, such as
            ``peek-message``; None for any.
        queue: only operations on the queue of this path; None for any.
        delay_seconds: of kind ``delay``.
    """

    kind: Literal["drop", "freeze", "busy", "detach", "delay", "lock_lost"]
    when: Literal["before", "after"] = "before"
    operation: str | None = None
    queue: str | None = None
    delay_seconds: float = Field(default=0.0, ge=0)


class Faults(Rules[Fault]):
    """The faults in force, oldest first."""

    def strike(self, operation: str, queue: str) -> list[Fault]:
        """Return the rules that befall an operation, and count it."""
        return self.struck(lambda rule: _matches(rule, operation, queue))


def _matches(rule: Fault, operation: str, queue: str) -> bool:
    return rule.operation in (None, operation) and rule.queue in (None, queue)
