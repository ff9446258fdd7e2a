"""The two ends of messages: a queue in AWS, a queue in Azure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain
from typing import Any

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import OperationTimeoutError

from localcloud.servicebus import ServiceBusControl
from replicator.demo.aws import client
from replicator.demo.ledger import LedgerKey
from replicator.demo.messages.canonical import canonical
from replicator.demo.messages.reading import attributes_of, body_of, id_of

DUPLICATE_WINDOW_SECONDS = 600.0

_COUNTS = [
    f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")
]
_PEEK_MESSAGES_MAX = 250
_OPENERS = 8
_SESSION_SECONDS = 1.0


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
            "source": {"connector": "sqs", "queue_url": self._url()},
            "sink": {"connector": "servicebus", "queue": self._name, "sessions": self._fifo},
        }

    def in_source(self) -> Iterator[tuple[LedgerKey, str]]:
        """What is left in SQS, where nothing has to be: only how much, because reading takes from it."""
        for number in range(self._left()):
            yield (f"left over {number + 1}",), ""

    def in_sink(self) -> Iterator[tuple[LedgerKey, str]]:
        """Every message in Service Bus, in its order; nothing is taken."""
        with ServiceBusClient.from_connection_string(
            self._environment["SERVICEBUS_CONNECTION_STRING"]
        ) as bus:
            yield from self._sessions(bus) if self._fifo else self._queue(bus)

    def is_settled(self) -> bool:
        """Whether SQS has nothing left: not hidden, not delayed."""
        return self._left() == 0

    def _url(self) -> str:
        return str(self._sqs.get_queue_url(QueueName=self.queue)["QueueUrl"])

    def _left(self) -> int:
        told = self._sqs.get_queue_attributes(QueueUrl=self._url(), AttributeNames=_COUNTS)
        return sum(int(count) for count in told["Attributes"].values())

    def _queue(self, bus: ServiceBusClient) -> Iterator[tuple[LedgerKey, str]]:
        with bus.get_queue_receiver(self._name) as receiver:
            for each in _peek(receiver):
                yield (id_of(each),), canonical(body_of(each), attributes_of(each), None)

    def _sessions(self, bus: ServiceBusClient) -> Iterator[tuple[LedgerKey, str]]:
        """Session after session; all are held until the end, so that the next one is always another."""
        with ExitStack() as held, ThreadPoolExecutor(_OPENERS) as openers:
            while any(opened := list(openers.map(lambda _: self._open(bus), range(_OPENERS)))):
                receivers = [held.enter_context(each) for each in opened if each]
                yield from chain.from_iterable(openers.map(_session, receivers))

    def _open(self, bus: ServiceBusClient) -> ServiceBusReceiver | None:
        """The next session that has messages and that nobody holds; None where there is none."""
        receiver = bus.get_queue_receiver(
            self._name, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=_SESSION_SECONDS
        )
        try:
            return receiver.__enter__()
        except OperationTimeoutError:
            receiver.close()
            return None


def _peek(receiver: ServiceBusReceiver) -> Iterator[Any]:
    after = 0
    while found := receiver.peek_messages(_PEEK_MESSAGES_MAX, sequence_number=after + 1):
        yield from found
        after = found[-1].sequence_number


def _session(receiver: ServiceBusReceiver) -> list[tuple[LedgerKey, str]]:
    group, after = receiver.session.session_id, None
    held: list[tuple[LedgerKey, str]] = []
    for each in _peek(receiver):
        text = canonical(body_of(each), attributes_of(each), after)
        after = id_of(each)
        held.append(((group, after), text))
    return held
