"""Puts our entries into the settings of a bucket and its queue, and takes them out.

S3 and SQS replace a setting as a whole and on no condition, so it is read again right before it is written,
and read back after it. Writes of others between these two calls are lost to the service; the reading back
tells where another one came after ours.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.s3 import merging
from connectors.s3.client import Client
from connectors.s3.config import SourceSettings
from connectors.s3.errors import changed_meanwhile, no_fifo, not_as_written
from connectors.s3.merging import Ours
from replicator.connector import Amendment

LOOKS_MAX = 40
"""Half a second apart, until a setting reads back as it was written. Settings of
buckets are eventually consistent (S3 user guide, "Amazon S3 data consistency model")."""

_LOOK_SECONDS = 0.5


class Installer:
    """The settings of one pipeline's bucket and queue that have to hold entries of ours."""

    def __init__(self, client: Client, settings: SourceSettings, pipeline: str) -> None:
        self._client = client
        self._settings = settings
        self._pipeline = pipeline
        self._notifications = f"notifications of bucket {settings.bucket}"
        self._policy = f"policy of queue {settings.queue_url}"

    async def amendments(self, *, installed: bool) -> Sequence[Amendment]:
        """What has to change, in order: S3 takes a notification only where it may send already.

        Raises:
            TransientError, PermanentError: as ``Installs.amendments``.
        """
        attributes = await self._client.queue.attributes()
        ours = Ours(self._pipeline, self._settings, attributes.get("QueueArn", ""))
        if attributes.get("FifoQueue", "false").lower() == "true":
            raise no_fifo(ours.queue_arn)
        before = await self._read_notifications()
        bare = merging.unnotified(before, ours)
        after = merging.notified(before, ours) if installed else bare
        notifications = Amendment(self._notifications, before, after)
        text = attributes.get("Policy", "")
        merge = merging.unallowed if after == bare else merging.allowed
        policy = Amendment(self._policy, merging.document_of(text), merge(text, ours))
        order = (policy, notifications) if installed else (notifications, policy)
        return [each for each in order if not _same(each.before, each.after)]

    async def amend(self, amendment: Amendment) -> None:
        """Make the change, where the setting is still as it was, and see that it holds.

        Raises:
            TransientError, PermanentError: as ``Installs.amend``.
        """
        if not _same(await self._read(amendment.place), amendment.before):
            raise changed_meanwhile(amendment.place)
        if amendment.place == self._policy:
            await self._client.queue.set_policy(json.dumps(amendment.after) if amendment.after else "")
        else:
            await self._client.set_notifications(amendment.after)
        for _ in range(LOOKS_MAX):
            if _same(await self._read(amendment.place), amendment.after):
                return
            await asyncio.sleep(_LOOK_SECONDS)
        raise not_as_written(amendment.place)

    async def _read(self, place: str) -> Mapping[str, Any]:
        if place == self._policy:
            return merging.document_of((await self._client.queue.attributes()).get("Policy", ""))
        return await self._read_notifications()

    async def _read_notifications(self) -> Mapping[str, Any]:
        answer = await self._client.bucket_fact("get_bucket_notification_configuration")
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return merging.plain(one) == merging.plain(other)
