"""The one file that speaks to Service Bus' SDK; above it there are ``Outgoing`` messages and refusals.

What the SDK (azure-servicebus 7.15) needs to be kept from:

- It sends again after an error, in two places that obey ``retry_total``: here it is 0, because a message
  that is sent again behind our back could land behind a later one.
- One sender is for one coroutine: calls that share one slow each other down to a few a second. So a sender
  belongs to one caller at a time.
- Opening one takes half a second: they are kept open, and a broken one is closed in the background.
- Without a time-out it waits for ever on a broker that does not answer.
- A receiver without a session asks for a message as soon as it is opened; none is ever opened here.

A send that is given up is cut off from its connection, so that what this machine still holds of it cannot
be sent later; the SDK sets TCP_USER_TIMEOUT to one second besides.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

from azure.core.exceptions import AzureError
from azure.identity.aio import DefaultAzureCredential
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender
from azure.servicebus.exceptions import ServiceBusError

from connectors.servicebus import errors
from connectors.servicebus.config import ServiceBusSinkSettings
from connectors.servicebus.link import Link, refusal_of
from connectors.servicebus.management import QueueFacts, UnknownError, read_facts
from replicator.model.errors import NotConnectedError, PermanentError

# What the SDK logs of its connections comes back as errors of ours, translated and with a hint.
logging.getLogger("azure.servicebus").setLevel(logging.CRITICAL)

_GIVE_UP_SHARE = 0.9  # of the longest time a call may take, so that giving up comes before it
_CLOSE_SECONDS_MAX = 5.0
_OPEN_CALLS_MAX = 3
"""For so many calls an opening may last: it has no effect on messages, and the next call finds it further
on. Begun anew by each call, it would never end where a machine or a broker is under load."""
_EMULATOR = "usedevelopmentemulator=true"
IDLE_SECONDS_MAX = 300.0
"""Half of the time after which the service detaches a link that carries nothing
(learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot)."""


class _Slot:
    """Room for one sender."""

    def __init__(self) -> None:
        self.sender: ServiceBusSender | None = None
        self.opening: asyncio.Task[None] | None = None
        self.used_at = 0.0

    @property
    def is_opening(self) -> bool:
        """Whether its sender is on its way."""
        return self.opening is not None and not self.opening.done()


class ServiceBusQueue:
    """A queue of a namespace; not connected until ``open``."""

    def __init__(self, settings: ServiceBusSinkSettings, call_seconds_max: float) -> None:
        self._settings = settings
        self._seconds = call_seconds_max * _GIVE_UP_SHARE
        self._open_seconds = self._seconds * _OPEN_CALLS_MAX
        self._client: ServiceBusClient | None = None
        self._credential: DefaultAzureCredential | None = None
        # The last one used comes first, so that no more are opened than are needed.
        self._slots: asyncio.LifoQueue[_Slot] = asyncio.LifoQueue()
        for _ in range(settings.senders):
            self._slots.put_nowait(_Slot())
        self._opened: set[ServiceBusSender] = set()
        self._openings: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Connect, and open a first sender; where that was done before, see that it can be used.

        Raises:
            TransientError, PermanentError: as ``errors`` translates them.
        """
        if self._client is None:
            self._client = self._new_client()
        async with self.link():
            pass

    async def close(self) -> None:
        """Release the connections."""
        for opening in list(self._openings):
            opening.cancel()
        if self._openings:
            await asyncio.wait(self._openings)
        for sender in list(self._opened):
            self._discard(sender)
        if self._closing:
            await asyncio.wait(self._closing)
        client, self._client = self._client, None
        credential, self._credential = self._credential, None
        if client is not None:
            await client.close()
        if credential is not None:
            await credential.close()

    @contextlib.asynccontextmanager
    async def link(self) -> AsyncIterator[Link]:
        """A sender for one caller, and the time within which its calls end.

        Raises:
            TransientError, PermanentError: no sender is free, or none can be opened; nothing was sent.
        """
        if self._client is None:
            raise NotConnectedError("the sink is not connected")
        deadline = asyncio.get_running_loop().time() + self._seconds
        slot = await self._free_slot(deadline)
        link: Link | None = None
        try:
            link = Link(await self._ready_sender(self._client, slot, deadline), deadline, self._seconds)
            yield link
        finally:
            failed = link is None or link.broken or slot.sender not in self._opened
            if slot.sender is not None and failed and not slot.is_opening:
                self._discard(slot.sender)
                slot.sender = slot.opening = None
            slot.used_at = asyncio.get_running_loop().time()
            self._slots.put_nowait(slot)

    async def has_sessions(self) -> bool | None:
        """Whether the queue requires sessions; None where that cannot be told.

        Only a receiver is told, and only a receiver of a session can be opened without taking a message.
        It asks for a session that nobody has. It takes the right to listen, and a queue that may be
        received from.
        """
        if self._client is None:
            raise NotConnectedError("the sink is not connected")
        receiver = self._client.get_queue_receiver(
            self._settings.queue, session_id=f"replicator-probe-{uuid4()}"
        )
        try:
            async with asyncio.timeout(self._seconds):
                await receiver.__aenter__()
        except (ServiceBusError, TimeoutError) as error:
            refusal = refusal_of(error)
            return False if refusal.condition == errors.NOT_ALLOWED else None
        finally:
            self._close_later(receiver)
        return True

    async def facts(self) -> QueueFacts:
        """The queue's settings, where they may be read.

        Raises:
            UnknownError: they cannot be; the text says why.
        """
        address = self._settings.management_endpoint
        try:
            text = self._settings.connection_string()
        except OSError as error:
            raise UnknownError("the connection string cannot be read") from error
        if text is not None and _EMULATOR in text.lower().replace(" ", "") and not address:
            raise UnknownError("an emulator has no management API at its own address")
        return await read_facts(
            self._settings.queue,
            self._seconds,
            connection_string=text,
            namespace=self._settings.namespace,
            credential=self._credential,
            address=address,
        )

    def _new_client(self) -> ServiceBusClient:
        options: dict[str, Any] = {"retry_total": 0, "try_timeout": self._open_seconds}
        try:
            text = self._settings.connection_string()
            if text is not None:
                return ServiceBusClient.from_connection_string(text, **options)
        except OSError as error:
            raise PermanentError(
                f"the connection string cannot be read: {error}", hint="check connection_file"
            ) from error
        except ValueError:
            # Its text may quote the connection string, which holds the key.
            raise PermanentError(
                "the connection string is none",
                hint="copy it anew: Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=...",
            ) from None
        self._credential = DefaultAzureCredential()
        return ServiceBusClient(self._settings.namespace, self._credential, **options)

    async def _free_slot(self, deadline: float) -> _Slot:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._slots.get()
        except TimeoutError as error:
            raise errors.no_sender_free(self._seconds) from error

    async def _ready_sender(
        self, client: ServiceBusClient, slot: _Slot, deadline: float
    ) -> ServiceBusSender:
        now = asyncio.get_running_loop().time()
        sender = slot.sender
        if sender is not None and slot.opening is None:
            if sender in self._opened and now - slot.used_at < IDLE_SECONDS_MAX:
                return sender
            self._discard(sender)
            sender = None
        if sender is None or slot.opening is None:
            sender = slot.sender = client.get_queue_sender(self._settings.queue)
            self._opened.add(sender)
            slot.opening = self._begin_opening(sender)
        await self._opening(slot.opening, deadline)
        slot.opening = None
        return sender

    def _begin_opening(self, sender: ServiceBusSender) -> asyncio.Task[None]:
        opening = asyncio.create_task(_open(sender, self._open_seconds), name="servicebus open")
        self._openings.add(opening)
        opening.add_done_callback(self._opening_ended)
        return opening

    def _opening_ended(self, opening: asyncio.Task[None]) -> None:
        self._openings.discard(opening)
        if not opening.cancelled():
            opening.exception()  # told to the next caller, and lost where there is none

    async def _opening(self, opening: asyncio.Task[None], deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.shield(opening)
        except TimeoutError as error:
            raise errors.unanswered(self._seconds, sent=False) from error
        except (AzureError, ValueError, OSError) as error:
            raise errors.translate(refusal_of(error), sent=False) from error

    def _discard(self, sender: ServiceBusSender) -> None:
        """Cut a sender off at once, and close it in the background, which takes up to a second."""
        self._opened.discard(sender)
        _cut(sender)
        self._close_later(sender)

    def _close_later(self, handler: Any) -> None:
        closing = asyncio.create_task(_closed(handler), name="servicebus close")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


async def _open(sender: ServiceBusSender, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await sender.__aenter__()


def _cut(handler: Any) -> None:
    """Drop the connection with what this machine still holds for it.

    The SDK has no such call, and closing sends first what waits. Where its inside has changed, nothing is
    cut, and TCP_USER_TIMEOUT is what remains.
    """
    for name in ("_handler", "_connection", "_transport", "writer", "transport"):
        handler = getattr(handler, name, None)
    if handler is not None:
        handler.abort()


async def _closed(handler: Any) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_CLOSE_SECONDS_MAX):
            await handler.close()
