"""Which queues the rules of EventBridge send an event of S3 to.

ministack keeps the rules and knows what their patterns match. It would deliver the events of S3 as well,
but at once, those of tags as creations, and those of scripted expirations not as such. So it is not told
that a bucket wants EventBridge, and is asked here.

Not modelled: targets that are no standard queues of the event's account and region, inputs that a target
rewrites, whether the queue's policy lets EventBridge send, and the minutes that S3 takes to begin.
"""

from typing import Any

import orjson

from localcloud.aws.errors import AwsError
from localcloud.aws.objects.configuration import Queue
from localcloud.aws.upstream import Upstream

__all__ = ["Bus"]


class Bus:
    """The default bus of every account and region."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def queues(self, message: dict[str, Any]) -> list[Queue]:
        """Return the queues that this event goes to, one for each target of each rule that matches.

        Raises:
            UpstreamLostError: ministack is away.
        """
        scope = message["account"], message["region"]
        event = orjson.dumps(message).decode()
        rules = (await self._ask("ListRules", {}, *scope))["Rules"]
        found = []
        for rule in rules:
            if rule["State"] != "ENABLED" or "EventPattern" not in rule:
                continue
            question = {"EventPattern": rule["EventPattern"], "Event": event}
            if (await self._ask("TestEventPattern", question, *scope))["Result"]:
                targets = await self._ask("ListTargetsByRule", {"Rule": rule["Name"]}, *scope)
                found += [queue for each in targets["Targets"] if (queue := _queue(each["Arn"], *scope))]
        return found

    async def _ask(
        self, operation: str, document: dict[str, Any], account: str, region: str
    ) -> dict[str, Any]:
        return await self._upstream.call(f"AWSEvents.{operation}", document, account, region)


def _queue(arn: str, account: str, region: str) -> Queue | None:
    try:
        queue = Queue.of_arn(arn)
    except AwsError:
        return None
    return queue if (queue.account, queue.region) == (account, region) else None
