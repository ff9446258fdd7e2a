"""One open sender, in the hands of one caller: packs, sends, schedules. Part of ``client``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar, cast

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusMessageBatch,
    ServiceBusMessageState,
    ServiceBusReceivedMessage,
)
from azure.servicebus.aio import ServiceBusSender

from connectors.servicebus import errors
from connectors.servicebus.codec import Outgoing
from connectors.servicebus.errors import Refusal, RefusedError, too_large
from connectors.servicebus.wire import encode_message

T = TypeVar("T")

# Of the SDK's list of sections, the one of data; in a batch each of those is a message.
_DATA = 5
# What a message has around it in a batch, and what surrounds all: the SDK puts ids of the first message on
# the envelope and does not count them, so that a batch which it takes for full is too large.
_SECTION_BYTES = 8
_ENVELOPE_BYTES = 2048
_TIMES_BYTES = 64  # what the SDK adds to a message that is not encoded here
# After these the sender is as good as before: the service has answered.
_ANSWERED = frozenset({"ServiceBusServerBusyError", "ServiceBusQuotaExceededError"})
# The SDK's errors of what a message is sent over. It raises the same class, such as server-busy, for them
# and for those of the message; but where a link ends nobody knows what became of the message.
_ENDS = frozenset({"AMQPLinkError", "AMQPSessionError", "AMQPConnectionError"})


def alone_bytes_max(message_bytes_max: int) -> int:
    """The largest message, encoded here, that the service takes where it takes so many bytes."""
    return message_bytes_max - _TIMES_BYTES


class Seen(NamedTuple):
    """A message that was looked at and stays where it is."""

    number: int
    message_id: str
    scheduled: bool
    property_names: frozenset[str]


class Parcel:
    """Messages that are sent in one call, all or none.

    Args:
        batch: an empty one of the SDK's.
        message_bytes_max: what the service takes of a message that is sent alone.
    """

    def __init__(self, batch: ServiceBusMessageBatch, message_bytes_max: int) -> None:
        self._batch = batch
        self._alone: ServiceBusMessage | None = None
        self._left = batch.max_size_in_bytes - _ENVELOPE_BYTES
        self._alone_bytes_max = alone_bytes_max(message_bytes_max)
        # The list of encoded messages inside the batch; the first one is added as the SDK does it, which
        # makes the envelope. Where its inside has changed, all are.
        inside = getattr(batch, "_message", None)
        self._encoded = inside[_DATA] if isinstance(inside, list) and len(inside) > _DATA else None

    @property
    def content(self) -> ServiceBusMessage | ServiceBusMessageBatch:
        """What the SDK is given to send."""
        return self._alone or self._batch

    def add(self, outgoing: Outgoing) -> bool:
        """Add a message; False where it does not fit beside those that are in it.

        One that is larger than any batch is taken alone, which premium namespaces allow.

        Raises:
            ChangeError: it is larger than the queue takes one.
        """
        if self._alone is not None:
            return False
        encoded = encode_message(outgoing)
        self._left -= len(encoded) + _SECTION_BYTES
        first = not len(self._batch)
        if self._left < 0:
            if first and len(encoded) > self._alone_bytes_max:
                raise too_large(len(encoded), self._alone_bytes_max)
            self._alone = message_of(outgoing) if first else None
            return first
        if first or self._encoded is None:
            self._batch.add_message(message_of(outgoing))
        else:
            self._encoded.append(encoded)
        return True


class Link:
    """An open sender, until a deadline on the event loop's clock; ``broken`` where it is of no more use."""

    def __init__(self, sender: ServiceBusSender, deadline: float, seconds: float) -> None:
        self._sender = sender
        self._deadline = deadline
        self._seconds = seconds
        self.broken = False

    @property
    def message_bytes_max(self) -> int:
        """The largest message, as the service told when the link was attached."""
        return int(getattr(self._sender, "_max_message_size_on_link", 0)) or 256 * 1024

    @property
    def halfway(self) -> float:
        """Until when what comes before the sending may take, on the event loop's clock."""
        return self._deadline - self._seconds / 2

    def takes(self, outgoing: Outgoing) -> bool:
        """Whether the service takes a message of this size."""
        bytes_max = alone_bytes_max(self.message_bytes_max)
        return outgoing.size_bytes <= bytes_max or len(encode_message(outgoing)) <= bytes_max

    async def parcel(self) -> Parcel:
        """An empty parcel as large as the service takes one."""
        return Parcel(await self._sender.create_message_batch(), self.message_bytes_max)

    async def send(self, parcel: Parcel) -> None:
        """Send a parcel; when this returns, the service has it.

        Raises:
            RefusedError: a message in it is not taken, and so none was.
            TransientError, PermanentError: of all.
        """
        await self._call(self._send(parcel))

    async def schedule(self, outgoing: Outgoing, at: float) -> int:
        """Have a message appear at a time, in seconds since the epoch; its number, to cancel it by."""
        when = datetime.fromtimestamp(at, UTC)
        (number,) = await self._call(self._sender.schedule_messages(message_of(outgoing), when))
        return number

    async def cancel(self, number: int) -> None:
        """Take back a scheduled message; nothing where it is gone."""
        try:
            await self._call(self._sender.cancel_scheduled_messages(number))
        except RefusedError as error:
            if error.refusal.kind != errors.MESSAGE_NOT_FOUND:
                raise errors.translate(error.refusal, sent=True) from error

    async def browse(self, start: int, count: int, session: str | None) -> list[Seen] | None:
        """Look at so many messages from a number on, of one session or of all; None where one may not.

        The SDK offers this on receivers alone, which take a message as soon as they are opened; the request
        is the same over a sender. Where the SDK's inside has changed, one may not.
        """
        ask = getattr(self._sender, "_mgmt_request_response_with_retry", None)
        long = getattr(getattr(self._sender, "_amqp_transport", None), "AMQP_LONG_VALUE", None)
        if ask is None or long is None:
            return None
        asked = {"from-sequence-number": long(max(start, 1)), "message-count": count}
        if session is not None:
            asked["session-id"] = session
        try:
            found: list[Seen] | None = await self._call(ask(b"com.microsoft:peek-message", asked, _seen))
        except RefusedError as error:
            raise errors.translate(error.refusal, sent=False) from error
        return found

    async def _send(self, parcel: Parcel) -> None:
        seconds = self._deadline - asyncio.get_running_loop().time()
        await self._sender.send_messages(parcel.content, timeout=max(seconds, 0.01))

    async def _call(self, call: Awaitable[T]) -> T:
        self.broken = True  # unless it turns out otherwise, also where this is cancelled
        try:
            async with asyncio.timeout_at(self._deadline):
                result = await call
        except TimeoutError as error:
            raise errors.unanswered(self._seconds, sent=True) from error
        except (AzureError, ValueError, OSError) as error:
            refusal = refusal_of(error)
            answered = errors.is_of_message(refusal) or refusal.kind == errors.MESSAGE_NOT_FOUND
            self.broken = refusal.ended or (not answered and refusal.kind not in _ANSWERED)
            if answered:
                raise RefusedError(refusal) from error
            raise errors.translate(refusal, sent=True) from error
        self.broken = False
        return result


def _seen(status: int, answer: Any, *_told: Any, **_more: Any) -> list[Seen] | None:
    if status != 200:
        return [] if status in {202, 204} else None
    bodies = (each[b"message"] for each in answer.value[b"messages"])
    return [_seen_of(ServiceBusReceivedMessage.from_bytes(bytes(each))) for each in bodies]


def _seen_of(message: ServiceBusReceivedMessage) -> Seen:
    return Seen(
        message.sequence_number or 0,
        message.message_id or "",
        message.state == ServiceBusMessageState.SCHEDULED,
        frozenset(
            name.decode() if isinstance(name, bytes) else str(name)
            for name in message.application_properties or {}
        ),
    )


def refusal_of(error: BaseException) -> Refusal:
    """What an exception of the SDK says, as plain data."""
    inner = getattr(error, "inner_exception", None)
    if isinstance(inner, ClientAuthenticationError):
        error = inner
    condition = getattr(error, "_condition", None)
    if isinstance(condition, bytes):
        condition = condition.decode()
    kind = (
        "ClientAuthenticationError"
        if isinstance(error, ClientAuthenticationError)
        else type(error).__name__
    )
    ended = any(each.__name__ in _ENDS for each in type(inner).__mro__)
    return Refusal(kind, str(getattr(condition, "value", condition) or ""), str(error), ended)


def message_of(outgoing: Outgoing) -> ServiceBusMessage:
    """The message as the SDK has it."""
    message = ServiceBusMessage(
        outgoing.body,
        application_properties=cast(dict[Any, Any], outgoing.properties),
        message_id=outgoing.message_id,
        session_id=outgoing.session_id,
        partition_key=outgoing.partition_key,
        content_type=outgoing.content_type or None,
    )
    if outgoing.ttl_seconds is not None and message.raw_amqp_message.header is not None:
        # The SDK's own setter drops the part of a second.
        message.raw_amqp_message.header.time_to_live = int(outgoing.ttl_seconds * 1000)
    return message
