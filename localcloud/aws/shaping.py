"""Who answers a call: a fault, the streams, time to live, queues in disorder, or ministack as it is."""

from dataclasses import dataclass

import orjson

from localcloud.aws.errors import AwsError
from localcloud.aws.faults import Faults, inflict
from localcloud.aws.feeds import Feeds
from localcloud.aws.messages import Call, Reply, refusal
from localcloud.aws.numbers import with_plain_numbers
from localcloud.aws.partiql import PARTIQL, refuse_unseen
from localcloud.aws.queues.queues import Queues
from localcloud.aws.streams import Streams
from localcloud.aws.timetolive import OPERATIONS, TimeToLive
from localcloud.aws.upstream import Upstream

__all__ = ["Shaping"]

_READS = ("Get", "Query", "Scan", "BatchGet", "TransactGet", "Describe", "List")


@dataclass(frozen=True)
class Shaping:
    """Answers the calls of the JSON protocols."""

    upstream: Upstream
    feeds: Feeds
    streams: Streams
    time_to_live: TimeToLive
    faults: Faults
    queues: Queues

    async def answer(self, call: Call) -> Reply:
        """Answer a call, by a fault if a rule wants one.

        Raises:
            ResetError: the connection is to be reset.
            UpstreamLostError: ministack is away, or went away.
        """
        rule = self.faults.take(call)
        return await (inflict(rule, call, self._shaped) if rule else self._shaped(call))

    async def _shaped(self, call: Call) -> Reply:
        try:
            if call.service == "dynamodbstreams":
                return await self.streams.answer(call)
            if call.service == "sqs":
                return await self.queues.answer(call)
            if call.operation in OPERATIONS:
                return await self.time_to_live.answer(call)
            if call.operation in PARTIQL:
                await refuse_unseen(call, self.feeds)
        except AwsError as error:
            return refusal(error, call.service)
        except orjson.JSONDecodeError as error:
            return refusal(AwsError("SerializationException", str(error)), call.service)
        if call.service != "dynamodb":
            return await self.upstream.exchange(call)
        call = with_plain_numbers(call)
        if call.operation.startswith(_READS):
            return await self.upstream.exchange(call)
        return await self._write(call)

    async def _write(self, call: Call) -> Reply:
        try:
            reply = await self.upstream.exchange(call)
        finally:
            # Also where the reply was lost: the write may have happened.
            self.feeds.count_write()
        if call.operation == "DeleteTable" and reply.status < 400:
            self.time_to_live.forget(orjson.loads(call.body)["TableName"], *call.scope)
        return reply
