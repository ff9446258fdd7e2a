"""Looking at all messages of a Service Bus queue, in its order, without taking any.

One that is scheduled is left out, as nobody receives it. Replicator's own trials of a queue are such: put
a year ahead and taken back, but for those whose taking back broke.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessageState, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import OperationTimeoutError

Messages = list[ServiceBusReceivedMessage]

_PEEK_MESSAGES_MAX = 250
_OPEN_AT_ONCE = 8
_SESSION_SECONDS = 1.0


async def peek_queue(connection_string: str, queue: str) -> Messages:
    """All messages of a queue without sessions."""
    async with (
        ServiceBusClient.from_connection_string(connection_string) as bus,
        bus.get_queue_receiver(queue) as receiver,
    ):
        return await _peek(receiver)


async def peek_sessions(connection_string: str, queue: str) -> dict[str, Messages]:
    """Session to its messages.

    Every session is held until all are seen, so that the next one that is given out is always another.
    """
    async with (
        # That no session is left is no reason to try again.
        ServiceBusClient.from_connection_string(connection_string, retry_total=0) as bus,
        AsyncExitStack() as held,
    ):
        receivers: list[ServiceBusReceiver] = []
        while opened := await _open_some(bus, queue):
            receivers += opened
        held.push_async_callback(_close, receivers)
        found = await asyncio.gather(*map(_peek, receivers))
        names = [str(receiver.session.session_id) for receiver in receivers]
        return dict(zip(names, found, strict=True))


async def _open_some(bus: ServiceBusClient, queue: str) -> list[ServiceBusReceiver]:
    """The next sessions that have messages and that nobody holds; none where there are no more."""
    opened = await asyncio.gather(*(_open(bus, queue) for _ in range(_OPEN_AT_ONCE)))
    return [receiver for receiver in opened if receiver is not None]


async def _open(bus: ServiceBusClient, queue: str) -> ServiceBusReceiver | None:
    receiver = bus.get_queue_receiver(
        queue, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=_SESSION_SECONDS
    )
    try:
        return await receiver.__aenter__()
    except OperationTimeoutError:
        await receiver.close()
        return None


async def _close(receivers: list[ServiceBusReceiver]) -> None:
    await asyncio.gather(*(receiver.close() for receiver in receivers))


async def _peek(receiver: ServiceBusReceiver) -> Messages:
    seen: Messages = []
    following = 1
    while found := await receiver.peek_messages(_PEEK_MESSAGES_MAX, sequence_number=following):
        seen += [message for message in found if message.state is not ServiceBusMessageState.SCHEDULED]
        following = (found[-1].sequence_number or 0) + 1
    return seen
