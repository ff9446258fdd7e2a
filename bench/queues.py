"""The stage for messages: SQS queues full of messages of 1 KB, and empty Service Bus queues."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import boto3

from bench.stage import Stage
from localcloud.servicebus import ServiceBusControl

GROUPS = 200
"""Groups of a FIFO queue, which take turns."""

_LOADERS = 3
_SEND_MAX = 10


@dataclass(frozen=True)
class Kind:
    """Of queue."""

    name: str
    fifo: bool


KINDS = (Kind("messages, standard", fifo=False), Kind("messages, FIFO", fifo=True))


def body_of(number: int) -> str:
    """The body of a message, 1 KB."""
    return f"order {number:07} ".ljust(1024, "x")


@dataclass
class Queues:
    """Makes queues in the running clouds, and drops them."""

    stage: Stage
    bus: ServiceBusControl
    _sqs: Any = field(init=False)

    def __post_init__(self) -> None:
        self._sqs = boto3.client("sqs", **self.stage.aws_options())

    def create_source(self, kind: Kind) -> str:
        """A new SQS queue; its URL."""
        name = f"bench-{uuid4().hex[:8]}{'.fifo' if kind.fifo else ''}"
        attributes = {"FifoQueue": "true"} if kind.fifo else {}
        return str(self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def delete_source(self, url: str) -> None:
        """Free what it holds."""
        self._sqs.delete_queue(QueueUrl=url)

    async def create_full_source(self, kind: Kind, messages: int) -> str:
        """A new SQS queue that holds messages 0 to ``messages``."""
        url = self.create_source(kind)
        starts = range(0, messages, _SEND_MAX)

        def send_all() -> None:
            with ThreadPoolExecutor(_LOADERS) as loaders:
                list(loaders.map(lambda start: self.send(url, kind, start), starts))

        await asyncio.to_thread(send_all)
        return url

    def send(self, url: str, kind: Kind, start: int, count: int = _SEND_MAX) -> None:
        """Send at most ten messages by one call."""
        entries = [_entry(kind, number) for number in range(start, start + count)]
        answer = self._sqs.send_message_batch(QueueUrl=url, Entries=entries)
        if answer.get("Failed"):
            raise RuntimeError(f"not sent: {answer['Failed']}")

    async def create_sink(self, kind: Kind) -> str:
        """A new Service Bus queue that finds duplicates; its name."""
        name = f"bench-{uuid4().hex[:8]}"
        await self.bus.create_queue(
            name,
            requires_session=kind.fifo,
            duplicate_detection_seconds=600.0,
            dead_letter_on_expiration=True,
        )
        return name


def _entry(kind: Kind, number: int) -> Mapping[str, Any]:
    order = {"MessageGroupId": f"customer-{number % GROUPS}", "MessageDeduplicationId": str(number)}
    return {
        "Id": str(number),
        "MessageBody": body_of(number),
        "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "placed"}},
        **(order if kind.fifo else {}),
    }


def pipeline_of(url: str, queue: str, kind: Kind, *, markers: bool = False) -> dict[str, Any]:
    """The configuration of a pipeline between them, which moves all the time."""
    return {
        "mode": "bridge",
        "source": {"connector": "sqs", "queue_url": url, "markers": markers},
        "sink": {"connector": "servicebus", "queue": queue, "sessions": kind.fifo},
    }
