"""The notification configurations of buckets, and the events that writes make because of them."""

from collections.abc import Awaitable, Callable
from itertools import count
from time import time_ns
from typing import Any
from urllib.parse import quote

import orjson

from localcloud.aws.clock import Clock
from localcloud.aws.errors import AwsError, resource_not_found
from localcloud.aws.kept import Kept
from localcloud.aws.messages import Call, Reply, refusal, reply_of
from localcloud.aws.objects.bus import Bus
from localcloud.aws.objects.changes import WRITES, Change, Outcome, changes
from localcloud.aws.objects.configuration import Configuration, Queue
from localcloud.aws.objects.delivery import Deliveries
from localcloud.aws.objects.events import Event, envelope, notification, test_event
from localcloud.aws.upstream import Upstream

__all__ = ["Notifications"]

_PUT, _GET = "PutBucketNotificationConfiguration", "GetBucketNotificationConfiguration"
_XML = "application/xml"


class Notifications:
    """Answers the two calls about configurations, and notes what writes on configured buckets do.

    Args:
        upstream: the way to ministack.
        clock: gives events their time.
        kept: where configurations are kept over a restart, by bucket.
    """

    def __init__(self, upstream: Upstream, clock: Clock, kept: Kept) -> None:
        self._upstream, self._clock, self._kept = upstream, clock, kept
        self._bus = Bus(upstream)
        self._configurations = {
            bucket: Configuration.parse(of["document"]) for bucket, of in kept.document.items()
        }
        # Begins with the time, so that sequencers grow over restarts of the proxy too.
        self._sequence = count(time_ns())
        self.deliveries = Deliveries(self._send)

    def concern(self, call: Call) -> bool:
        """Tell whether a call of S3 has to go through `exchange`."""
        about = call.about
        if about is None:
            return False
        if about.operation in {_PUT, _GET}:
            return True
        return about.bucket in self._configurations and about.operation in WRITES | {"DeleteBucket"}

    async def exchange(self, call: Call, sent: bytes, forward: Callable[[], Awaitable[Reply]]) -> Reply:
        """Answer a call that concerns notifications.

        Args:
            call: the call.
            sent: its body, where it is not that of an object.
            forward: passes the call to ministack.

        Raises:
            UpstreamLostError: ministack is away, or went away.
        """
        if call.about and call.about.operation == _PUT:
            try:
                return await self._configure(call.about.bucket, sent.decode(), *call.scope)
            except AwsError as error:
                return refusal(error, "s3")
        reply = await forward()
        if call.about is None or reply.status >= 300:
            return reply
        bucket = call.about.bucket
        if call.about.operation == _GET:
            ours = self._configurations.get(bucket)
            return reply_of(ours.document.encode(), 200, _XML) if ours else reply
        if call.about.operation == "DeleteBucket":
            self._forget(bucket)
        else:
            await self._note(call, sent, reply)
        return reply

    async def expire(self, bucket: str, key: str) -> None:
        """Delete an object as a lifecycle rule would, with the event of that.

        Raises:
            AwsError: there is no such object.
            UpstreamLostError: ministack is away.
        """
        of = self._kept.document.get(bucket, {})
        scope = of.get("account", "000000000000"), of.get("region", "us-east-1")
        path = _path(bucket, key)
        if (await self._upstream.object_call("HEAD", path, *scope)).status >= 300:
            raise resource_not_found(f"no object {key} in {bucket}")
        reply = await self._upstream.object_call("DELETE", path, *scope)
        marked = reply.header("x-amz-delete-marker") == "true"
        name = "LifecycleExpiration:" + ("DeleteMarkerCreated" if marked else "Delete")
        change = Change(name, key, version=reply.header("x-amz-version-id"))
        await self._tell(bucket, change, *scope)

    def bridge(self, bucket: str, queue_arn: str | None) -> None:
        """Name the queue that is the target of a rule of EventBridge for a bucket, or none.

        Raises:
            AwsError: the bucket has no configuration, or the ARN is none of a standard queue.
        """
        if bucket not in self._configurations:
            raise resource_not_found(f"bucket {bucket} has no notification configuration")
        if queue_arn is not None:
            Queue.of_arn(queue_arn)
        self._kept.document[bucket]["bridge"] = queue_arn
        self._kept.save()

    async def _configure(self, bucket: str, document: str, account: str, region: str) -> Reply:
        configuration = Configuration.parse(document)
        for target in configuration.targets:
            await self._check(target.queue)
        path = _path(bucket) + "?notification"
        reply = await self._upstream.object_call("PUT", path, account, region, configuration.rest.encode())
        if reply.status >= 300:
            return reply
        bridge = self._kept.document.get(bucket, {}).get("bridge")
        self._configurations[bucket] = configuration
        self._kept.document[bucket] = {
            "document": configuration.document,
            "account": account,
            "region": region,
            "bridge": bridge,
        }
        if not configuration.targets and not configuration.bridged:
            self._forget(bucket)
        self._kept.save()
        body = orjson.dumps(test_event(bucket, self._clock.now())).decode()
        for target in configuration.targets:
            await self._send(target.queue, body)
        return reply

    async def _check(self, queue: Queue) -> None:
        try:
            await self._ask("GetQueueUrl", queue, {"QueueName": queue.name})
        except AwsError as error:
            message = "Unable to validate the following destination configurations"
            raise AwsError("InvalidArgument", message) from error

    async def _note(self, call: Call, sent: bytes, reply: Reply) -> None:
        outcome = Outcome(
            call,
            sent,
            reply.header("etag"),
            reply.header("x-amz-version-id"),
            reply.header("x-amz-delete-marker") == "true",
            reply.body,
        )
        for change in changes(outcome):
            if call.about is not None:
                await self._tell(call.about.bucket, change, *call.scope)

    async def _tell(self, bucket: str, change: Change, account: str, region: str) -> None:
        sequencer, at = next(self._sequence), self._clock.now()
        size, etag = change.size, change.etag
        asked = change.name.startswith(("ObjectCreated", "ObjectTagging")) and (
            size is None or etag is None
        )
        if asked:
            head = await self._upstream.object_call("HEAD", _path(bucket, change.key), account, region)
            if head.status < 300:
                size = int(head.header("content-length") or 0)
                etag = etag or (head.header("etag") or "").strip('"')
        version = None if change.version == "null" else change.version
        event = Event(change.name, bucket, change.key, at, sequencer, account, region, size, etag, version)
        configuration = self._configurations.get(bucket)
        for target in configuration.targets if configuration else ():
            if target.wants(event):
                await self._deliver(event, target.queue, notification(event, target.id))
        if configuration and configuration.bridged:
            await self._bridge(event)

    async def _bridge(self, event: Event) -> None:
        message = envelope(event)
        scripted = self._kept.document.get(event.bucket, {}).get("bridge")
        queues = await self._bus.queues(message)
        for queue in [*([Queue.of_arn(scripted)] if scripted else []), *queues]:
            await self._deliver(event, queue, message)

    async def _deliver(self, event: Event, queue: Queue, message: dict[str, Any]) -> None:
        await self.deliveries.deliver(event, queue, orjson.dumps(message).decode())

    async def _send(self, queue: Queue, body: str) -> None:
        url = f"{self._upstream.url}/{queue.account}/{queue.name}"
        await self._ask("SendMessage", queue, {"QueueUrl": url, "MessageBody": body})

    async def _ask(self, operation: str, queue: Queue, document: dict[str, Any]) -> None:
        await self._upstream.call("AmazonSQS." + operation, document, queue.account, queue.region)

    def _forget(self, bucket: str) -> None:
        self._configurations.pop(bucket, None)
        if self._kept.document.pop(bucket, None):
            self._kept.save()


def _path(bucket: str, key: str | None = None) -> str:
    return f"/{quote(bucket)}" + ("" if key is None else f"/{quote(key, safe='/~')}")
