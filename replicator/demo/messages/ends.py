"""The two ends of messages: a queue in AWS, a queue in Azure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.servicebus import ServiceBusControl
from replicator.demo.aws import client
from replicator.demo.ledger import LedgerKey
from replicator.demo.messages.canonical import canonical
from replicator.demo.messages.peeking import peek_queue, peek_sessions
from replicator.demo.messages.reading import attributes_of, body_of, id_of

DUPLICATE_WINDOW_SECONDS = 600.0

_COUNTS = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]


class MessageEnds:
    """Both ends of one pair of queues, reached with the vendors' own SDKs and nothing of Replicator."""

    def __init__(self, environment: Mapping[str, str], name: str, *, fifo: bool) -> None:
        self._sqs = client("sqs", environment)
        self._environment = environment
        self._name, self._fifo = name, fifo
        self.queue = f"{name}.fifo" if fifo else name

    def create(self) -> None:
        """Create both queues, empty; FIFO groups become sessions, and duplicates are detected."""
        attributes = {"FifoQueue": "true"} if self._fifo else {}
        self._sqs.create_queue(QueueName=self.queue, Attributes=attributes)
        control = ServiceBusControl(self._environment["SERVICEBUS_MANAGEMENT_ENDPOINT"])
        asyncio.run(
            control.create_queue(
                self._name,
                requires_session=self._fifo,
                duplicate_detection_seconds=DUPLICATE_WINDOW_SECONDS,
                dead_letter_on_expiration=True,
            )
        )

    def settings(self) -> dict[str, Any]:
        """Both ends as the configuration names them; the consumers are at Azure already."""
        return {
            "mode": "bridge",
            "source": {
                "connector": "sqs",
                "queue_url": self._url(),
                "markers": True,
                "poll_seconds": 1,
                # A killed process leaves the messages that it had in hand hidden for so long.
                "hidden_seconds": 10,
            },
            "sink": {"connector": "servicebus", "queue": self._name, "sessions": self._fifo},
        }

    def in_source(self) -> Iterator[tuple[LedgerKey, str]]:
        """What is left in SQS, where nothing has to be: only how much, because reading takes from it."""
        for number in range(self._left()):
            yield (f"left over {number + 1}",), ""

    def in_sink(self) -> Iterator[tuple[LedgerKey, str]]:
        """Every message in Service Bus, in its order; nothing is taken."""
        place = self._environment["SERVICEBUS_CONNECTION_STRING"], self._name
        if not self._fifo:
            for each in asyncio.run(peek_queue(*place)):
                yield (id_of(each),), canonical(body_of(each), attributes_of(each), None)
            return
        for group, messages in asyncio.run(peek_sessions(*place)).items():
            after: str | None = None
            for each in messages:
                text = canonical(body_of(each), attributes_of(each), after)
                after = id_of(each)
                yield (group, after), text

    def is_settled(self) -> bool:
        """Whether SQS has nothing left: not hidden, not delayed."""
        return self._left() == 0

    def _url(self) -> str:
        return str(self._sqs.get_queue_url(QueueName=self.queue)["QueueUrl"])

    def _left(self) -> int:
        told = self._sqs.get_queue_attributes(QueueUrl=self._url(), AttributeNames=_COUNTS)
        return sum(int(count) for count in told["Attributes"].values())
