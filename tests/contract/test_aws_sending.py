"""What the connectors to AWS say of writes that got no answer, against servers that break connections."""

import asyncio
import contextlib
import functools
import socket
import struct

import pytest

from connectors.dynamodb.client import Client as Table
from connectors.dynamodb.config import SourceSettings as TableSettings
from connectors.s3.client import Client as Bucket
from connectors.s3.config import SourceSettings as BucketSettings
from connectors.sqs.client import Client as Messages
from connectors.sqs.config import SqsSourceSettings
from connectors.wire.once import new_socket
from localcloud.ports import Port
from replicator.model.errors import TransientError

FINE = b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 0\r\n\r\n'
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"
BUSY = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Reads whole requests, and answers each as its script says: with bytes, by a reset, or by closing."""

    def __init__(self, *script):
        self.script, self.requests, self.connections, self.writers = list(script), 0, 0, []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for writer in self.writers:
            writer.close()

    async def _serve(self, reader, writer):
        self.connections += 1
        self.writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self._read(reader, writer)
                self.requests += 1
                step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                if step in ("reset", "close"):
                    break
                writer.write(step)
                await writer.drain()
                if step is HALF:
                    break
            if step == "reset":
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()

    async def _read(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b"expect: 100-continue" in head:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if b"content-length:" in head:
            await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))


class Deaf(Server):
    """Takes no request: it ends every connection at its first bytes."""

    async def _read(self, reader, writer):
        await reader.read(1)
        raise ConnectionError


async def put_marker(url):
    """A marker's write to a table."""
    client = Table(TableSettings(table="orders", endpoint_url=url, region="us-east-1"))
    return client, functools.partial(client.put, {"id": {"S": "mark"}})


async def put_canary(url):
    """A canary's write to a bucket."""
    settings = BucketSettings(
        bucket="photos",
        endpoint_url=url,
        queue_endpoint_url=url,
        queue_url=f"{url}/1/q",
        region="us-east-1",
    )
    client = Bucket(settings)
    return client, functools.partial(client.put, "canary", b"body")


async def set_notifications(url):
    """A replacement of a bucket's notifications."""
    client, _ = await put_canary(url)
    return client, functools.partial(client.set_notifications, {"EventBridgeConfiguration": {}})


async def send_end_message(url):
    """An end message sent to a queue."""
    client = Messages(SqsSourceSettings(queue_url=f"{url}/1/q", endpoint_url=url, region="us-east-1"))
    return client, functools.partial(client.queue.send, MessageBody="end")


async def delete_messages(url):
    """Messages deleted from a queue."""
    client, _ = await send_end_message(url)
    return client, functools.partial(client.queue.delete, ["receipt"])


WRITES = pytest.mark.parametrize(
    "write", [put_marker, put_canary, set_notifications, send_end_message, delete_messages]
)


@pytest.fixture(autouse=True)
def ambient(monkeypatch):
    """Credentials of nobody; and the SDK is told from outside to retry, which it must not."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_MAX_ATTEMPTS": "5",
        "AWS_RETRY_MODE": "adaptive",
    }.items():
        monkeypatch.setenv(name, value)


@contextlib.asynccontextmanager
async def opened(write, url):
    """The call, on an open client."""
    client, call = await write(url)
    await client.open()
    yield call
    await client.close()


async def failure(call):
    """How the call fails."""
    with pytest.raises(TransientError) as caught:
        await call()
    return caught.value


@WRITES
@pytest.mark.parametrize("end", ["reset", "close", HALF, BUSY], ids=["reset", "close", "half", "busy"])
async def test_a_write_that_was_read_is_not_settled(write, end):
    """Whatever becomes of the connection, the write may have happened; and it is sent once."""
    async with Server(end) as server, opened(write, server.url) as call:
        error = await failure(call)
        assert not error.settled, error
        assert server.requests == 1


@WRITES
@pytest.mark.parametrize("end", ["reset", "close", HALF], ids=["reset", "close", "half"])
async def test_a_write_on_a_kept_connection_is_not_settled(write, end):
    """Nor is it sent again on a new connection, as aiohttp would do with a PUT."""
    async with Server(FINE, end) as server, opened(write, server.url) as call:
        await call()
        error = await failure(call)
        assert not error.settled, error
        assert (server.requests, server.connections) == (2, 1)


@WRITES
async def test_a_refused_connection_is_settled(write):
    """There was nobody to send to."""
    with Port() as port:
        url = f"http://127.0.0.1:{port.number}"
        async with opened(write, url) as call:
            error = await failure(call)
    assert (error.settled, error.reason) == (True, "unreachable"), error


@WRITES
async def test_a_name_that_leads_nowhere_is_settled(write):
    """There was nobody to send to."""
    async with opened(write, "http://no-such-host.invalid:80") as call:
        error = await failure(call)
    assert (error.settled, error.reason) == (True, "unreachable"), error


@WRITES
async def test_a_handshake_that_is_cut_off_is_settled(write):
    """A request is sent after the handshake."""
    async with Deaf() as server, opened(write, server.url.replace("http:", "https:")) as call:
        error = await failure(call)
    assert error.settled, error


async def test_a_read_is_settled_whatever_becomes_of_it():
    """It has no effect."""
    async with Server("reset") as server:
        client, _ = await put_canary(server.url)
        await client.open()
        assert (await failure(functools.partial(client.bucket_fact, "get_bucket_versioning"))).settled
        assert (await failure(client.queue.attributes)).settled
        await client.close()


async def test_the_kernel_gives_a_request_up_when_we_do():
    """What was not acknowledged by then is not sent any more."""
    made = new_socket(2.5, (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1)))
    assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 2500
    made.close()
