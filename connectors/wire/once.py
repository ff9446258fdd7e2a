"""aiohttp's connections, on which each request is sent once, and given up for good."""

from __future__ import annotations

import socket

import aiohttp


def new_socket(seconds: float, address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket whose data the kernel stops sending after so many seconds without an acknowledgement.

    Without this it goes on for a quarter of an hour (tcp(7), tcp_retries2), and a request that was given
    up could still arrive after the network is back.
    """
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
    return made


async def send_once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """A middleware that gives a broken connection another class than those after which aiohttp sends again.

    aiohttp 3.14 repeats PUT and DELETE on a kept connection that breaks, where the first may have landed.

    Raises:
        aiohttp.ClientConnectorError: nothing was sent.
        aiohttp.ClientConnectionError: the connection broke, and nobody knows what was received.
    """
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        told = str(error) or type(error).__name__
        raise aiohttp.ClientConnectionError(f"the connection broke: {told}") from error
