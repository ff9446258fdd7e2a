"""Time to live: the settings, and the deletion of items that are past it.

ministack's own reaper deletes without a stream record, so it is never told of a setting: both calls are
answered here, and the items are deleted here, through the front door.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import orjson

from localcloud.aws.clock import Clock
from localcloud.aws.errors import AwsError, validation
from localcloud.aws.feed import Feed
from localcloud.aws.feeds import Feeds
from localcloud.aws.kept import Kept
from localcloud.aws.messages import Call, Reply, reply_json
from localcloud.aws.records import key_bytes
from localcloud.aws.upstream import Upstream
from localcloud.passthrough import UpstreamLostError

__all__ = ["OPERATIONS", "TimeToLive"]

OPERATIONS = frozenset({"UpdateTimeToLive", "DescribeTimeToLive"})
EXPIRE_EVERY_SECONDS = 30.0
"""DynamoDB promises days ("typically within 48 hours"); rehearsals have no patience for that."""

_IGNORED_AFTER_SECONDS = 5 * 365 * 24 * 60 * 60
_DYNAMODB = "DynamoDB_20120810."


class TimeToLive:
    """The setting of each table, and the pass that deletes.

    Args:
        upstream: the way to ministack.
        feeds: told which REMOVE records are the service's.
        clock: by which items are past their time.
        file: where settings are kept; None keeps none.
    """

    def __init__(self, upstream: Upstream, feeds: Feeds, clock: Clock, file: Path | None) -> None:
        self._upstream, self._feeds, self._clock = upstream, feeds, clock
        self._kept = Kept(file)
        self._attributes: dict[str, str] = self._kept.document

    async def answer(self, call: Call) -> Reply:
        """Answer UpdateTimeToLive or DescribeTimeToLive.

        Raises:
            AwsError: the refusal to send.
            UpstreamLostError: ministack is away.
        """
        request = orjson.loads(call.body)
        table = str(request.get("TableName", "")).rpartition("/")[2]
        account, region = call.scope
        await self._upstream.call(_DYNAMODB + "DescribeTable", {"TableName": table}, account, region)
        where = f"{account}/{region}/{table}"
        if call.operation == "DescribeTimeToLive":
            return reply_json(orjson.dumps({"TimeToLiveDescription": self._description(where)}))
        specification = request.get("TimeToLiveSpecification", {})
        self._update(where, specification)
        return reply_json(orjson.dumps({"TimeToLiveSpecification": specification}))

    def forget(self, table: str, account: str, region: str) -> None:
        """Drop the setting of a table that was deleted."""
        if self._attributes.pop(f"{account}/{region}/{table.rpartition('/')[2]}", None):
            self._kept.save()

    async def keep_expiring(self) -> None:
        """Delete what is past its time again and again, for ever."""
        while True:
            await asyncio.sleep(EXPIRE_EVERY_SECONDS)
            # A table may go away under the pass, and ministack may be restarted: try again later.
            with contextlib.suppress(AwsError, UpstreamLostError):
                await self.expire()

    async def expire(self, table: str | None = None) -> int:
        """Delete the items past their time, of one table or of all, and return how many were.

        Raises:
            AwsError: a table is gone.
            UpstreamLostError: ministack is away.
        """
        count = 0
        for where, attribute in list(self._attributes.items()):
            account, region, name = where.split("/")
            if table in {None, name}:
                count += await self._expire_table(name, account, region, attribute)
        return count

    def _description(self, where: str) -> dict[str, str]:
        attribute = self._attributes.get(where)
        if attribute is None:
            return {"TimeToLiveStatus": "DISABLED"}
        return {"TimeToLiveStatus": "ENABLED", "AttributeName": attribute}

    def _update(self, where: str, specification: dict[str, Any]) -> None:
        enabled, attribute = bool(specification.get("Enabled")), specification.get("AttributeName")
        if not isinstance(attribute, str) or not attribute:
            raise validation("AttributeName of TimeToLiveSpecification must be 1 to 255 characters long")
        if enabled == (where in self._attributes):
            raise validation(f"TimeToLive is already {'enabled' if enabled else 'disabled'}")
        if enabled:
            self._attributes[where] = attribute
        else:
            del self._attributes[where]
        self._kept.save()

    async def _expire_table(self, table: str, account: str, region: str, attribute: str) -> int:
        async def call(operation: str, document: dict[str, Any]) -> dict[str, Any]:
            named = {"TableName": table} | document
            return await self._upstream.call(_DYNAMODB + operation, named, account, region)

        now = int(self._clock.now())
        past: dict[str, Any] = {
            "ExpressionAttributeNames": {"#t": attribute},
            "ExpressionAttributeValues": {
                ":now": {"N": str(now)},
                ":old": {"N": str(now - _IGNORED_AFTER_SECONDS)},
            },
        }
        feed = await self._feeds.of_table(table, account, region)
        if feed:
            await feed.read_now()
        schema = (await call("DescribeTable", {}))["Table"]["KeySchema"]
        names = [part["AttributeName"] for part in schema]
        scan = past | {"FilterExpression": "#t BETWEEN :old AND :now"}
        count, start = 0, dict[str, Any]()
        while True:
            page = await call("Scan", scan | start)
            for item in page["Items"]:
                key = {name: item[name] for name in names}
                delete = past | {"Key": key, "ConditionExpression": "#t BETWEEN :old AND :now"}
                count += await _delete(feed, key, call("DeleteItem", delete))
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        self._feeds.count_write()
        return count


async def _delete(feed: Feed | None, key: dict[str, Any], deletion: Any) -> int:
    if feed:
        feed.expired_keys.add(key_bytes(key))
    try:
        await deletion
    except AwsError as error:
        if feed:
            feed.expired_keys.discard(key_bytes(key))
        if error.code != "ConditionalCheckFailedException":
            raise
        return 0
    return 1
