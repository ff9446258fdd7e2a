"""The calls to EventBridge: a part of the client, opened when it is first needed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from connectors.aws.client import asked
from connectors.s3.bridge import Bus, Rule
from connectors.s3.errors import partly_refused, translate

_WRITABLE = ("EventPattern", "ScheduleExpression", "State", "Description", "RoleArn")
_NO_RULE = frozenset({"ResourceNotFoundException"})
_Document = Mapping[str, Any]


class Rules:
    """The rules of the default bus, to which the events of AWS's own services come.

    Every call raises TransientError or PermanentError as ``errors`` says.
    """

    def __init__(self, connected: Callable[[], Awaitable[Any]]) -> None:
        self._connected = connected

    async def bus(self) -> Bus:
        """The bus with all of its rules, without their targets."""
        api = await self._connected()
        arn = (await asked("DescribeEventBus", api.describe_event_bus(), translate, reads=True))["Arn"]
        return Bus(arn, tuple([rule async for rule in self._list(api)]))

    async def read(self, name: str) -> dict[str, Any]:
        """A rule with its targets; empty where there is none."""
        api = await self._connected()
        told = await asked(
            "DescribeRule", api.describe_rule(Name=name), translate, reads=True, expected=_NO_RULE
        )
        return {**_document(told), "Targets": await self._targets(api, name)} if told else {}

    async def write(self, name: str, before: _Document, after: _Document) -> None:
        """Make a rule of one document into that of another; there is none afterwards of an empty one."""
        api = await self._connected()
        old, new = before.get("Targets", ()), after.get("Targets", ())
        if after:
            rule = {part: after[part] for part in _WRITABLE if part in after}
            if "EventPattern" in rule:
                rule["EventPattern"] = json.dumps(rule["EventPattern"])
            await asked("PutRule", api.put_rule(Name=name, **rule), translate)
        if added := [target for target in new if target not in old]:
            await _each("PutTargets", api.put_targets(Rule=name, Targets=added))
        kept = {target["Id"] for target in new}
        if gone := [target["Id"] for target in old if target["Id"] not in kept]:
            await _each("RemoveTargets", api.remove_targets(Rule=name, Ids=gone))
        if before and not after:
            await asked("DeleteRule", api.delete_rule(Name=name), translate, expected=_NO_RULE)

    async def _list(self, api: Any) -> AsyncIterator[Rule]:
        after: dict[str, str] = {}
        while True:
            page = await asked("ListRules", api.list_rules(**after), translate, reads=True)
            for told in page.get("Rules", ()):
                yield Rule(told["Name"], _document(told))
            if not page.get("NextToken"):
                return
            after = {"NextToken": page["NextToken"]}

    async def _targets(self, api: Any, name: str) -> Sequence[Any]:
        targets: list[Any] = []
        after: dict[str, str] = {}
        while True:
            call = api.list_targets_by_rule(Rule=name, **after)
            page = await asked("ListTargetsByRule", call, translate, reads=True, expected=_NO_RULE)
            targets += page.get("Targets", ())
            if not page.get("NextToken"):
                return targets
            after = {"NextToken": page["NextToken"]}


def _document(told: _Document) -> dict[str, Any]:
    rule = {part: told[part] for part in _WRITABLE if told.get(part)}
    if "EventPattern" in rule:
        rule["EventPattern"] = json.loads(rule["EventPattern"])
    return rule


async def _each(operation: str, call: Awaitable[Any]) -> None:
    """Make a call of several entries."""
    for entry in (await asked(operation, call, translate)).get("FailedEntries") or ():
        raise partly_refused(operation, str(entry.get("ErrorCode", "")), str(entry.get("ErrorMessage", "")))
