"""The calls to a queue of SQS that every reader of one makes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from connectors.aws.client import Answer, Translate, asked
from connectors.aws.errors import Refusal, lost_position
from replicator.model.change import Positions
from replicator.model.errors import ReplicatorError, TransientError

Each = TypeVar("Each")

ENTRIES_MAX = 10
"""Messages of one call (SQS API reference, ReceiveMessage and the batch calls)."""

CALLS_AT_ONCE_MAX = 8
RETENTION_SECONDS = 345_600.0
"""How long a queue keeps a message unless it is set otherwise (SQS API reference, CreateQueue)."""

GONE = frozenset({"ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight"})
"""What the service says of a receipt whose message is deleted, or shows again."""


class Queue:
    """One queue.

    Every call raises TransientError or PermanentError as ``translate`` says, and NotConnectedError where
    ``connected`` does.

    Args:
        connected: gives the SDK's client of SQS.
        url: of the queue; it may be set later.
        translate: what an error answer means.
    """

    def __init__(self, connected: Callable[[], Any], url: str, translate: Translate) -> None:
        self.url = url
        self._connected = connected
        self._translate = translate

    async def attributes(self) -> Mapping[str, str]:
        """All attributes of the queue."""
        call = self._connected().get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        answer = await asked("GetQueueAttributes", call, self._translate, reads=True)
        attributes: Mapping[str, str] = answer.get("Attributes", {})
        return attributes

    async def receive(self, wait_seconds: int, hidden_seconds: int, **more: Any) -> Sequence[Answer]:
        """Up to 10 messages, hidden from others from now on; waits for the first where there is none.

        What is not settled may have hidden messages: it took effect, and its answer was lost.
        """
        call = self._connected().receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=ENTRIES_MAX,
            WaitTimeSeconds=wait_seconds,
            VisibilityTimeout=hidden_seconds,
            **more,
        )
        answer = await asked("ReceiveMessage", call, self._translate)
        messages: Sequence[Answer] = answer.get("Messages") or ()
        return messages

    async def send(self, **message: Any) -> None:
        """Send one message, in the API's own words."""
        call = self._connected().send_message(QueueUrl=self.url, **message)
        await asked("SendMessage", call, self._translate)

    async def set_policy(self, policy: str) -> None:
        """Replace the queue's policy; an empty text takes it away."""
        call = self._connected().set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        await asked("SetQueueAttributes", call, self._translate)

    async def delete(self, receipts: Sequence[str]) -> None:
        """Delete at most 10 messages; one that is gone already is deleted.

        Raises:
            TransientError: some are left, also where the service refused only these.
        """
        entries = [{"Id": str(index), "ReceiptHandle": each} for index, each in enumerate(receipts)]
        call = self._connected().delete_message_batch(QueueUrl=self.url, Entries=entries)
        await self._entries("DeleteMessageBatch", call)

    async def hide(self, receipts: Sequence[str], seconds: int) -> None:
        """Hide at most 10 messages for so long from now on; one that is gone is no matter."""
        entries = [
            {"Id": str(index), "ReceiptHandle": each, "VisibilityTimeout": seconds}
            for index, each in enumerate(receipts)
        ]
        call = self._connected().change_message_visibility_batch(QueueUrl=self.url, Entries=entries)
        await self._entries("ChangeMessageVisibilityBatch", call)

    async def _entries(self, operation: str, call: Awaitable[Answer]) -> None:
        """Make a call of several entries; it succeeds where none failed but those that are gone."""
        for entry in (await asked(operation, call, self._translate)).get("Failed") or ():
            code = str(entry.get("Code", "")).rpartition(".")[2]
            if code not in GONE:
                status = 400 if entry.get("SenderFault") else 500
                raise self._translate(Refusal(operation, code, str(entry.get("Message", "")), status))


@dataclass(frozen=True, slots=True)
class Received:
    """What some receive calls at once brought.

    ``failures`` are those of the other calls; ``full`` where one of them brought all that one call can.
    """

    raws: Sequence[Answer]
    failures: Sequence[BaseException]
    full: bool

    def raise_failure(self) -> None:
        """A failure beside messages is left to the next round, if it is one that passes.

        Raises:
            TransientError, PermanentError: nothing came, and a call failed.
        """
        for failure in self.failures:
            if not self.raws or not isinstance(failure, TransientError):
                raise failure


async def receive_at_once(calls: Sequence[Awaitable[Sequence[Answer]]]) -> Received:
    """What these calls bring, when all of them have answered, so that none is under way."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    failures = [each for each in answers if isinstance(each, BaseException)]
    pages = [each for each in answers if not isinstance(each, BaseException)]
    return Received(
        [raw for page in pages for raw in page], failures, any(len(page) == ENTRIES_MAX for page in pages)
    )


def rounds_of(positions: Positions | None, partition: str) -> int:
    """How many rounds of a queue a position counts; 0 where there is none.

    Raises:
        PositionLostError: it is not one of a queue.
    """
    text = (positions or {}).get(partition, "0")
    if not text.isdecimal():
        raise lost_position(text)
    return int(text)


async def in_tens(messages: Sequence[Each], call: Callable[[Sequence[Each]], Awaitable[None]]) -> None:
    """Make the call for ten messages at a time; all are tried before a failure is raised."""
    at_once = asyncio.Semaphore(CALLS_AT_ONCE_MAX)

    async def bounded(some: Sequence[Each]) -> None:
        async with at_once:
            await call(some)

    tens = [messages[begin : begin + ENTRIES_MAX] for begin in range(0, len(messages), ENTRIES_MAX)]
    answers = await asyncio.gather(*map(bounded, tens), return_exceptions=True)
    failures = [each for each in answers if isinstance(each, BaseException)]
    for failure in sorted(failures, key=lambda each: isinstance(each, ReplicatorError)):
        raise failure
