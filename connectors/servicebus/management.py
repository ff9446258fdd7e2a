"""The settings of the queue, read through the service's management API over HTTPS. Part of ``client``.

It wants the right to manage the queue, which sending does not, and emulators have it at another address or
not at all. So not to know is an answer.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.core.pipeline.transport import AioHttpTransport
from azure.servicebus.aio.management import ServiceBusAdministrationClient
from azure.servicebus.management import QueueProperties


class QueueFacts(NamedTuple):
    """What a queue is set to; None where the service does not say, or for ever where it is a time."""

    requires_session: bool
    partitioned: bool
    duplicate_window_seconds: float | None
    ttl_seconds: float | None
    dead_letters_expired: bool
    deliveries_max: int | None
    status: str
    lock_seconds: float | None
    size_bytes_max: int | None = None
    size_bytes: int | None = None


class UnknownError(Exception):
    """The settings cannot be read; the text says why."""


_FOREVER_SECONDS = 100 * 365 * 86_400.0


class _Elsewhere(AioHttpTransport):  # type: ignore[misc]  # its base is untyped
    """Sends what is meant for the namespace to an emulator's management address."""

    def __init__(self, address: str, **options: Any) -> None:
        super().__init__(**options)
        self._address = urlsplit(address)

    async def send(self, request: Any, **options: Any) -> Any:
        asked = urlsplit(request.url)
        request.url = asked._replace(scheme=self._address.scheme, netloc=self._address.netloc).geturl()
        return await super().send(request, **options)


async def read_facts(
    queue: str,
    seconds: float,
    *,
    connection_string: str | None = None,
    namespace: str = "",
    credential: AsyncTokenCredential | None = None,
    address: str = "",
) -> QueueFacts:
    """The queue's settings, within some seconds; ``address`` is an emulator's.

    Raises:
        UnknownError: they cannot be read.
    """
    options: dict[str, Any] = {"retry_total": 0, "connection_timeout": seconds, "read_timeout": seconds}
    if address:
        options["transport"] = _Elsewhere(address, connection_timeout=seconds, read_timeout=seconds)
    if connection_string is not None:
        client = ServiceBusAdministrationClient.from_connection_string(connection_string, **options)
    elif credential is not None:
        client = ServiceBusAdministrationClient(namespace, credential, **options)
    else:
        raise UnknownError("there is no credential")
    try:
        async with asyncio.timeout(seconds), client:
            facts = _facts_of(await client.get_queue(queue))
            return facts._replace(size_bytes=await _size_of(client, queue))
    except (AzureError, TimeoutError, OSError, ValueError) as error:
        raise UnknownError(_why(error)) from error


async def _size_of(client: ServiceBusAdministrationClient, queue: str) -> int | None:
    """What the queue holds, in bytes; not to know it is no reason not to know the rest."""
    try:
        return (await client.get_queue_runtime_properties(queue)).size_in_bytes
    except (AzureError, ValueError, TypeError):
        return None


def _facts_of(found: QueueProperties) -> QueueFacts:
    window = _seconds(found.duplicate_detection_history_time_window)
    return QueueFacts(
        requires_session=bool(found.requires_session),
        partitioned=bool(found.enable_partitioning),
        duplicate_window_seconds=window if found.requires_duplicate_detection else None,
        ttl_seconds=_seconds(found.default_message_time_to_live),
        dead_letters_expired=bool(found.dead_lettering_on_message_expiration),
        deliveries_max=found.max_delivery_count,
        status=str(getattr(found.status, "value", found.status) or ""),
        lock_seconds=_seconds(found.lock_duration),
        size_bytes_max=(found.max_size_in_megabytes or 0) * 1024 * 1024 or None,
    )


def _seconds(span: timedelta | str | None) -> float | None:
    if not isinstance(span, timedelta) or span.total_seconds() > _FOREVER_SECONDS:
        return None
    return span.total_seconds()


def _why(error: Exception) -> str:
    if isinstance(error, ClientAuthenticationError):
        return "the credential has no right to manage the queue"
    if isinstance(error, HttpResponseError) and error.status_code:
        return f"the management API answered {error.status_code}"
    if isinstance(error, TimeoutError):
        return "the management API did not answer in time"
    return "the management API cannot be reached"
