"""Faults on demand, as Azure Storage has them: errors, delays, resets, and bodies that break off.

A fault *before* its call leaves nothing done; one *after* it leaves the call done and its caller unsure.
"""

from typing import Literal
from urllib.parse import unquote

from pydantic import Field

from localcloud.rules import Rule, Rules

__all__ = ["Fault", "Faults"]


class Fault(Rule):
    """One rule.

    Attributes:
        kind: ``status`` answers with ``status``; ``delay`` waits ``delay_seconds``; ``reset`` breaks the
            connection without an answer; ``cut`` breaks it after ``bytes`` of the answer's body.
        when: before the call takes effect, or after; a cut is always after.
        method: only calls of this HTTP method; None for any.
        path: only calls whose path, decoded, contains this; None for any.
        query: only calls whose query contains this, such as ``comp=blocklist``; None for any.
        status: HTTP status of kind ``status``, usually 503 or 429.
        code: ``x-ms-error-code`` of kind ``status``.
        retry_after_seconds: ``Retry-After`` of kind ``status``; None sends none.
        delay_seconds: how long kind ``delay`` waits.
        bytes: how much of a body kind ``cut`` lets through.
    """

    kind: Literal["status", "delay", "reset", "cut"] = "status"
    when: Literal["before", "after"] = "before"
    method: str | None = None
    path: str | None = None
    query: str | None = None
    status: int = Field(default=503, ge=400, le=599)
    code: str = "ServerBusy"
    retry_after_seconds: int | None = Field(default=None, ge=0)
    delay_seconds: float = Field(default=0.0, ge=0)
    bytes: int = Field(default=0, ge=0)

    def befalls(self, method: str, raw_path: str) -> bool:
        """Tell whether the rule is about a call of a method on a path, with its query as sent."""
        path, _, query = raw_path.partition("?")
        return (
            self.method in (None, method)
            and (self.path is None or self.path in unquote(path))
            and (self.query is None or self.query in query)
        )


class Faults(Rules[Fault]):
    """The faults in force, oldest first."""

    def strike(self, method: str, raw_path: str) -> list[Fault]:
        """Return the rules that befall a call, and count it."""
        return self.struck(lambda rule: rule.befalls(method, raw_path))
