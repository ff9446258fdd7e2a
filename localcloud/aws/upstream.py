"""The thin way to ministack for small calls: pooled connections, one write and one read per call.

It is in the path of benchmarks, so it does nothing but framing: a general HTTP client costs several times
as much per call. It reads replies that carry a Content-Length, which all JSON replies of ministack do;
bodies of any size go through `passthrough`.
"""

import asyncio
import re
from time import monotonic
from typing import Any, cast
from urllib.parse import urlsplit

import orjson

from localcloud.aws.messages import CONTENT_LENGTH, Call, Reply
from localcloud.passthrough import UpstreamLostError

__all__ = ["Upstream"]

# ministack closes a connection that was idle for 75 seconds; ours are given up well before that, so that no
# call is ever sent into a connection that is being closed.
_IDLE_SECONDS_MAX = 30.0
_SERVICES = {"AmazonSQS": "sqs", "AWSEvents": "events"}
_CLOSING = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class _Connection(asyncio.Protocol):
    """One connection, one call at a time."""

    def __init__(self, owner: "Upstream") -> None:
        self._owner = owner
        self._buffer = bytearray()
        self._body_at = 0
        self._whole = 0
        self._bodiless = False
        self._reply: asyncio.Future[Reply] | None = None
        self.transport: asyncio.Transport | None = None
        self.idle_since = 0.0
        self.ends = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._owner.generation += not self.ends
        if self._reply and not self._reply.done():
            self._reply.set_exception(UpstreamLostError(str(exc or "closed")))

    def send(self, data: bytes) -> asyncio.Future[Reply]:
        if self.transport is None:
            raise UpstreamLostError("closed")
        self._reply = asyncio.get_running_loop().create_future()
        self._buffer.clear()
        self._whole = 0
        self._bodiless = data.startswith(b"HEAD ")
        self.transport.write(data)
        return self._reply

    def close(self) -> None:
        self.ends = True
        if self.transport is not None:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._whole:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._take_head(end)
        if len(self._buffer) >= self._whole and self._reply and not self._reply.done():
            self._reply.set_result(Reply(bytes(self._buffer), self._body_at))

    def _take_head(self, end: int) -> None:
        head = bytes(self._buffer[:end])
        if closing := _CLOSING.search(head):
            # It ends after so many calls; that is between it and us, and not the caller's concern.
            self.ends = True
            del self._buffer[closing.start() : closing.end()]
            end -= closing.end() - closing.start()
        length = CONTENT_LENGTH.search(head)
        self._body_at = end + 4
        self._whole = self._body_at + (int(length[1]) if length and not self._bodiless else 0)


class Upstream:
    """A pool of connections to ministack.

    `generation` changes whenever a connection was lost unannounced: ministack may have been restarted.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = url.rstrip("/")
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._idle: list[_Connection] = []
        self.generation = 0

    async def exchange(self, call: Call) -> Reply:
        """Send a call as it came, and return the reply.

        Raises:
            UpstreamLostError: the outcome is unknown.
        """
        return await self._send(call.raw)

    async def call(
        self, target: str, document: dict[str, Any], account: str, region: str
    ) -> dict[str, Any]:
        """Make a call of our own in the scope of an account and a region, and return its result.

        ministack takes the account from an access key of twelve digits and checks no signature.

        Raises:
            AwsError: ministack refused it.
            UpstreamLostError: the outcome is unknown.
        """
        service = _SERVICES.get(target.partition(".")[0], "dynamodb")
        body = orjson.dumps(document)
        head = _head("POST", "/", body, f"{account}/20000101/{region}/{service}")
        head += f"Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: {target}\r\n\r\n"
        return (await self._send(head.encode() + body)).json()

    async def object_call(
        self, method: str, path: str, account: str, region: str, body: bytes = b""
    ) -> Reply:
        """Make a call of S3 of our own; `path` is encoded. A refusal is a reply too.

        Raises:
            UpstreamLostError: the outcome is unknown.
        """
        head = _head(method, path, body, f"{account}/20000101/{region}/s3") + "\r\n"
        return await self._send(head.encode() + body)

    async def close(self) -> None:
        """Close the connections."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _send(self, data: bytes) -> Reply:
        connection = self._reusable() or await self._connect()
        try:
            reply = await connection.send(data)
        except BaseException:
            # Also on cancellation: a reply may still come, and must not be taken for the next one.
            if connection.transport:
                connection.transport.abort()
            raise
        if connection.ends:
            connection.close()
        else:
            connection.idle_since = monotonic()
            self._idle.append(connection)
        return reply

    def _reusable(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.transport and not connection.transport.is_closing():
                if monotonic() - connection.idle_since < _IDLE_SECONDS_MAX:
                    return connection
                connection.close()
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(lambda: _Connection(self), *self._address)
        except OSError as error:
            self.generation += 1
            raise UpstreamLostError(str(error)) from error
        return connection


def _head(method: str, path: str, body: bytes, credential: str) -> str:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        f"Authorization: AWS4-HMAC-SHA256 Credential={credential}/aws4_request, "
        f"SignedHeaders=host, Signature=0\r\n"
    )
