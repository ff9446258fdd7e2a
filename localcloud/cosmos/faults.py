"""Faults on demand: rules that make chosen calls fail, late, or lose their answer.

A fault *before* its call leaves nothing done; one *after* it leaves the call done and its caller
unsure, as a timeout or a broken connection does.
"""

from typing import Literal

from pydantic import Field

from localcloud.cosmos.errors import RefusedError
from localcloud.cosmos.exchange import Call
from localcloud.cosmos.operation import operation_of
from localcloud.rules import Rule, Rules


class Fault(Rule):
    """One rule.

    Attributes:
        kind: ``status`` answers with ``status``; ``delay`` waits ``delay_seconds``; ``reset`` breaks
            the connection without an answer.
        when: before the call takes effect, or after.
        operation: only calls of this name (see ``operation_of``); None for any.
        container: only calls on a container of this name; None for any.
        item: only calls on the item of this id, by its address; None for any.
        status: HTTP status of kind ``status``.
        substatus: ``x-ms-substatus``; 0 sends none.
        retry_after_milliseconds: ``x-ms-retry-after-ms``; None sends none.
        delay_seconds: how long kind ``delay`` waits.
    """

    kind: Literal["status", "delay", "reset"] = "status"
    when: Literal["before", "after"] = "before"
    operation: str | None = None
    container: str | None = None
    item: str | None = None
    status: int = Field(default=503, ge=400, le=599)
    substatus: int = 0
    retry_after_milliseconds: int | None = Field(default=None, ge=0)
    delay_seconds: float = Field(default=0.0, ge=0)

    def refusal(self) -> RefusedError:
        """Return the answer of kind ``status``."""
        headers = {}
        if self.retry_after_milliseconds is not None:
            headers["x-ms-retry-after-ms"] = str(self.retry_after_milliseconds)
        return RefusedError(self.status, "InjectedFault", "A fault rule", self.substatus, headers)


class Faults(Rules[Fault]):
    """The faults in force, oldest first."""

    def strike(self, call: Call) -> list[Fault]:
        """Return the rules that befall a call, and count it."""
        return self.struck(lambda rule: _matches(rule, call))


def _matches(rule: Fault, call: Call) -> bool:
    names = call.address.names
    return (
        rule.operation in (None, operation_of(call))
        and (rule.container is None or names[1:2] == (rule.container,))
        and (rule.item is None or names[2:3] == (rule.item,))
    )
