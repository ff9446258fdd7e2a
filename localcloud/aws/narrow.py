"""The thin way in: calls of the JSON protocols are taken from a connection whole and answered in turn.

Like `upstream`, it is in the path of benchmarks and does nothing but framing. A connection that brings
anything else (S3, the control paths, a body without Content-Length) is handed over, from that request on,
to the general server.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import cast

from localcloud.aws.errors import AwsError
from localcloud.aws.messages import CONTENT_LENGTH, Call, Reply, refusal
from localcloud.passthrough import ResetError, UpstreamLostError, reset

__all__ = ["Connection"]

# The largest call: a batch of 16 MB (DynamoDB), and its head.
_CALL_BYTES_MAX = 17 * 1024 * 1024


class Connection(asyncio.Protocol):
    """One connection of a caller.

    Args:
        answer: answers a call.
        general: makes the protocol to which a connection is handed over.
        connections: holds every open connection, so that a shutdown finds them.
    """

    def __init__(
        self,
        answer: Callable[[Call], Awaitable[Reply]],
        general: Callable[[], asyncio.Protocol],
        connections: "set[Connection]",
    ) -> None:
        self._answer, self._general, self._connections = answer, general, connections
        self._buffer = bytearray()
        self._answering: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """End; a call that is being answered goes on, as it would at the real service."""
        self.transport = None
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes of the next call."""
        self._buffer += data
        if self._answering is None:
            self._next()
        if self.transport is not None and len(self._buffer) > _CALL_BYTES_MAX:
            self.transport.abort()

    def _next(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[: end + 4])
        length = CONTENT_LENGTH.search(head)
        if length is None or int(length[1]) > _CALL_BYTES_MAX or Call.parse(head, end + 4) is None:
            self._hand_over()
            return
        whole = end + 4 + int(length[1])
        call = Call.parse(bytes(self._buffer[:whole]), end + 4)
        if call is None or len(self._buffer) < whole:
            return
        del self._buffer[:whole]
        self._answering = asyncio.get_running_loop().create_task(self._serve(call))

    async def _serve(self, call: Call) -> None:
        try:
            reply = await self._answer(call)
        except (ResetError, UpstreamLostError):
            reset(self.transport)
            return
        except Exception as error:
            logging.exception("call.failed %s %s", call.service, call.operation)
            reply = refusal(AwsError("InternalServerError", repr(error), 500))
        self._answering = None
        if self.transport is not None:
            self.transport.write(reply.raw)
            if self._buffer:
                self._next()

    def _hand_over(self) -> None:
        if self.transport is None:
            return
        self._connections.discard(self)
        general = self._general()
        self.transport.set_protocol(general)
        general.connection_made(self.transport)
        general.data_received(bytes(self._buffer))
        self._buffer.clear()
