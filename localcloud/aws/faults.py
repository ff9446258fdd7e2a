"""Faults on request: rules that say which calls fail, how, and how often.

A rule is matched before a call is answered; its kind decides whether the call takes effect:

================  ==============================================================================
kind              what the caller sees
================  ==============================================================================
``throttle``      the service's own throttling error; no effect
``error``         `status` (500 unless told) with `code`; no effect
``error_after``   the same, after the effect
``slow``          the answer comes `seconds` later; the effect too
``slow_after``    the effect at once, the answer `seconds` later
``reset_before``  the connection is reset; no effect
``reset_after``   the connection is reset; the effect has happened
``cut_after``     the connection is reset after `bytes` of an object's body; the effect has happened
``unprocessed``   BatchWriteItem leaves `items` of its writes (at most all but one) unprocessed
================  ==============================================================================
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

import orjson

from localcloud.aws.errors import AwsError, validation
from localcloud.aws.messages import Call, Reply, refusal, reply_json
from localcloud.passthrough import ResetError

__all__ = ["KINDS", "Faults", "Rule", "inflict"]

KINDS = frozenset(
    {
        "throttle",
        "error",
        "error_after",
        "slow",
        "slow_after",
        "reset_before",
        "reset_after",
        "cut_after",
        "unprocessed",
    }
)

_THROTTLES = {
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "dynamodbstreams": ("LimitExceededException", 400),
    "s3": ("SlowDown", 503),
    "sqs": ("RequestThrottled", 403),
}
_T = TypeVar("_T")


@dataclass
class Rule:
    """Which calls fail, and how.

    Args:
        kind: one of `KINDS`.
        service: ``dynamodb``, ``dynamodbstreams``, ``s3``, ``sqs`` or ``*``.
        operation: as the API names it, for S3 also the HTTP method, or ``*``.
        table: only calls whose body names this table (as a JSON string).
        bucket: only calls of S3 on this bucket.
        key: only calls of S3 on this key; with a ``*`` at its end, on keys that begin so.
        queue: only calls of SQS that name this queue.
        count: how many calls fail; None means all until the rule is taken away.
        skip: how many matching calls pass first.
        code: the error's code, where another than the usual is wanted.
        status: the HTTP status of ``error``.
        seconds: how slow ``slow`` is.
        items: how many writes ``unprocessed`` leaves.
        bytes: how much of a body ``cut_after`` lets through.
    """

    kind: str
    service: str = "*"
    operation: str = "*"
    table: str | None = None
    bucket: str | None = None
    key: str | None = None
    queue: str | None = None
    count: int | None = 1
    skip: int = 0
    code: str | None = None
    status: int = 500
    seconds: float = 1.0
    items: int = 1
    bytes: int = 0

    def matches(self, call: Call) -> bool:
        """Tell whether the rule is about this call."""
        operations = {"*", call.operation, call.about.operation if call.about else "*"}
        batch = self.kind != "unprocessed" or call.operation == "BatchWriteItem"
        ours = self.service in {"*", call.service} and self.operation in operations
        return ours and batch and self._names(call)

    def _names(self, call: Call) -> bool:
        if self.table is not None and f'"{self.table}"'.encode() not in call.body:
            return False
        if self.queue is not None and not _is_on(call, self.queue):
            return False
        bucket, key = (call.about.bucket, call.about.key) if call.about else (None, None)
        return self.bucket in {None, bucket} and (self.key is None or _fits(self.key, key))


def _is_on(call: Call, queue: str) -> bool:
    # By the URL of the queue, or by its name where it is created or looked up.
    named = (f'/{queue}"'.encode(), f'"{queue}"'.encode())
    return call.service == "sqs" and any(name in call.body for name in named)


def _fits(wanted: str, key: str | None) -> bool:
    if key is None:
        return False
    return key.startswith(wanted[:-1]) if wanted.endswith("*") else key == wanted


class Faults:
    """The rules in force, oldest first; the first that matches a call is applied and counted."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []

    def add(self, document: dict[str, Any]) -> None:
        """Add a rule.

        Raises:
            AwsError: the kind or a field is unknown.
        """
        unknown = set(document) - {field.name for field in fields(Rule)}
        if unknown or document.get("kind") not in KINDS:
            raise validation(f"unknown fields {sorted(unknown)} or kind {document.get('kind')!r}")
        self._rules.append(Rule(**document))

    def clear(self) -> None:
        """Take all rules away."""
        self._rules.clear()

    def list(self) -> list[dict[str, Any]]:
        """Return the rules with what is left of their counts."""
        return [asdict(rule) for rule in self._rules]

    def take(self, call: Call) -> Rule | None:
        """Return the rule to apply to a call, and count it."""
        rule = next((rule for rule in self._rules if rule.matches(call)), None)
        if rule is None:
            return None
        if rule.skip:
            rule.skip -= 1
            return None
        if rule.count is not None:
            rule.count -= 1
            if rule.count <= 0:
                self._rules.remove(rule)
        return rule


async def inflict(rule: Rule, call: Call, answer: Callable[[Call], Awaitable[_T | Reply]]) -> _T | Reply:
    """Answer a call as a rule wants it.

    Raises:
        ResetError: the connection is to be reset.
    """
    before = {"throttle": _error, "error": _error, "reset_before": _reset}
    after = {"error_after": _error, "reset_after": _reset}
    if rule.kind in before:
        return before[rule.kind](rule, call)
    if rule.kind == "unprocessed":
        return await _leave(rule, call, answer)
    await asyncio.sleep(rule.seconds if rule.kind == "slow" else 0)
    reply = await answer(call)
    await asyncio.sleep(rule.seconds if rule.kind == "slow_after" else 0)
    return after[rule.kind](rule, call) if rule.kind in after else reply


def _reset(_rule: Rule, _call: Call) -> Reply:
    raise ResetError


def _error(rule: Rule, call: Call) -> Reply:
    internal = "InternalError" if call.service in {"s3", "sqs"} else "InternalServerError"
    usual = (internal if rule.status == 500 else "ServiceUnavailable", rule.status)
    code, status = _THROTTLES.get(call.service, usual) if rule.kind == "throttle" else usual
    error = AwsError(rule.code or code, f"injected fault: {rule.kind}", status)
    return refusal(error, call.service)


async def _leave(rule: Rule, call: Call, answer: Callable[[Call], Awaitable[_T | Reply]]) -> _T | Reply:
    request = orjson.loads(call.body)
    writes = [(t, write) for t, of_table in request["RequestItems"].items() for write in of_table]
    left = writes[max(1, len(writes) - rule.items) :]
    request["RequestItems"] = _by_table(writes[: len(writes) - len(left)])
    reply = await answer(call.with_body(orjson.dumps(request)))
    if not isinstance(reply, Reply) or reply.status >= 400:
        return reply
    document = reply.json()
    unprocessed = document.setdefault("UnprocessedItems", {})
    for table, of_table in _by_table(left).items():
        unprocessed.setdefault(table, []).extend(of_table)
    return reply_json(orjson.dumps(document))


def _by_table(writes: list[tuple[str, Any]]) -> dict[str, list[Any]]:
    tables: dict[str, list[Any]] = {}
    for table, write in writes:
        tables.setdefault(table, []).append(write)
    return tables
