"""Each request of the SDK is sent once, and it is known whether it was sent at all: a part of the client.

Two layers below us would send again, and both are kept from it. The SDK's own retries are off (``client``).
And aiohttp 3.14 sends PUT and DELETE again where a connection breaks: a first request that was cut off
could still land after the second, and a second one that finds no connection would hide that the first one
was sent. aiobotocore 3.9 lets nobody choose its aiohttp session, so the one that it makes is wrapped.
"""

from __future__ import annotations

import socket
from functools import partial
from typing import Any

import aiohttp
from aiobotocore.httpsession import AIOHTTPSession
from botocore import exceptions as sdk

from connectors.wire.once import send_once

_NO_CONNECTION = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, socket.gaierror)


def was_never_sent(error: BaseException) -> bool:
    """Whether this error of the SDK says that there was no connection to send the request on.

    aiobotocore calls a connection that was refused and one that was reset after the request was sent by the
    same name, ``EndpointConnectionError``; aiohttp's error inside of it tells them apart, since aiohttp has
    ``ClientConnectorError`` for connecting alone, name resolution and handshake included, and plain
    ``ClientOSError`` for what comes after it. Where there is none inside, the worse is assumed.
    """
    if isinstance(error, sdk.EndpointConnectionError):
        return isinstance(error.kwargs.get("error"), _NO_CONNECTION)
    return isinstance(error, sdk.ConnectTimeoutError | sdk.ProxyConnectionError | sdk.SSLError)


class OnceSession(AIOHTTPSession):  # type: ignore[misc]  # the SDK is untyped
    """The SDK's way to its service, on which aiohttp sends nothing again."""

    async def _get_session(self, proxy_url: str | None) -> Any:
        return _Once(await super()._get_session(proxy_url))


class _Once:
    """An aiohttp session whose requests are made once."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.request = partial(session.request, middlewares=(send_once,))
