"""Puts our entries into the settings of a bucket, its queue and EventBridge, and takes them out.

All of these replace a setting as a whole and on no condition, so it is read again right before it is
written, and read back after it. Writes of others between these two calls are lost to the service; the
reading back tells where another one came after ours.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from connectors.s3 import bridge, merging
from connectors.s3.client import Client
from connectors.s3.config import SourceSettings
from connectors.s3.errors import changed_meanwhile, no_fifo, not_as_written
from connectors.s3.merging import Ours
from replicator.connector import Amendment

LOOKS_MAX = 40
"""Half a second apart, until a setting reads back as it was written. Settings of
buckets are eventually consistent (S3 user guide, "Amazon S3 data consistency model")."""

_LOOK_SECONDS = 0.5


class _Bridging(NamedTuple):
    """What EventBridge needs: notifications and rule as they have to be, and the statement for it."""

    notifications: Mapping[str, Any]
    rule_before: Mapping[str, Any]
    rule: Mapping[str, Any]
    statements: tuple[Mapping[str, Any], ...] = ()


class Installer:
    """The settings of one pipeline that have to hold entries of ours."""

    def __init__(self, client: Client, settings: SourceSettings, pipeline: str) -> None:
        self._client = client
        self._settings = settings
        self._pipeline = pipeline
        self._notifications = f"notifications of bucket {settings.bucket}"
        self._policy = f"policy of queue {settings.queue_url}"
        self._rule = bridge.rule_name(self._ours(""))
        self._bus = f"rule {self._rule} of EventBridge"

    async def amendments(self, *, installed: bool) -> Sequence[Amendment]:
        """What has to change, in order: nothing sends before it may, nor is it barred while it sends.

        Raises:
            TransientError, PermanentError: as ``Installs.amendments``.
        """
        attributes = await self._client.queue.attributes()
        ours = self._ours(attributes.get("QueueArn", ""))
        if attributes.get("FifoQueue", "false").lower() == "true":
            raise no_fifo(ours.queue_arn)
        before, text = await self._read_notifications(), attributes.get("Policy", "")
        bare = merging.unnotified(before, ours)
        direct = merging.notified(bare, ours) if installed and not self._settings.event_bridge else bare
        bridging = await self._bridging(before, direct, text, ours, installed=installed)
        statements = bridging.statements if direct == bare else (merging.bucket_statement(ours),)
        wide = Amendment(
            self._policy, merging.document_of(text), merging.allowed_also(text, ours, *statements)
        )
        narrow = Amendment(self._policy, wide.after, merging.allowed(text, ours, *statements))
        notifications = Amendment(self._notifications, before, bridging.notifications)
        rule = Amendment(self._bus, bridging.rule_before, bridging.rule)
        inner = (rule, notifications) if rule.after else (notifications, rule)
        return [each for each in (wide, *inner, narrow) if not _same(each.before, each.after)]

    async def amend(self, amendment: Amendment) -> None:
        """Make the change, where the setting is still as it was, and see that it holds.

        Raises:
            TransientError, PermanentError: as ``Installs.amend``.
        """
        if not _same(await self._read(amendment.place), amendment.before):
            raise changed_meanwhile(amendment.place)
        await self._write(amendment)
        for _ in range(LOOKS_MAX):
            if _same(await self._read(amendment.place), amendment.after):
                return
            await asyncio.sleep(_LOOK_SECONDS)
        raise not_as_written(amendment.place)

    def _ours(self, queue_arn: str) -> Ours:
        return Ours(self._pipeline, self._settings, queue_arn)

    async def _bridging(
        self,
        before: Mapping[str, Any],
        direct: Mapping[str, Any],
        policy: str,
        ours: Ours,
        *,
        installed: bool,
    ) -> _Bridging:
        """EventBridge is asked only where it is to be used, or was: the policy tells, and is last to go."""
        if not self._settings.event_bridge and not bridge.allows(policy, ours):
            return _Bridging(direct, {}, {})
        bus, rule = await self._client.rules.bus(), await self._client.rules.read(self._rule)
        if not installed or not self._settings.event_bridge:
            return _Bridging(bridge.switched_back(direct, rule, bus, ours), rule, bridge.unruled(rule))
        bridge.check_bus(ours, bus.arn)
        statement = merging.rule_statement(ours, bridge.rule_arn(ours, bus.arn))
        return _Bridging(
            bridge.switched_on(direct), rule, bridge.ruled(rule, bus, before, ours), (statement,)
        )

    async def _write(self, amendment: Amendment) -> None:
        if amendment.place == self._policy:
            await self._client.queue.set_policy(json.dumps(amendment.after) if amendment.after else "")
        elif amendment.place == self._bus:
            await self._client.rules.write(self._rule, amendment.before, amendment.after)
        else:
            await self._client.set_notifications(amendment.after)

    async def _read(self, place: str) -> Mapping[str, Any]:
        if place == self._policy:
            return merging.document_of((await self._client.queue.attributes()).get("Policy", ""))
        if place == self._bus:
            return await self._client.rules.read(self._rule)
        return await self._read_notifications()

    async def _read_notifications(self) -> Mapping[str, Any]:
        answer = await self._client.bucket_fact("get_bucket_notification_configuration")
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return merging.plain(one) == merging.plain(other)
