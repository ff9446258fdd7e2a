"""What the Service Bus sink makes of a service that refuses, stalls, breaks off or is not there."""

import asyncio
import contextlib
import socket
import struct

import pytest
from servicebus_queue import bus, scripted, sent

from localcloud.servicebus import Fault, connection_string
from replicator.model.errors import BatchError, ChangeError, PermanentError, TransientError


@pytest.fixture
async def queue(monkeypatch):
    """A scripted namespace with a queue that detects duplicates."""
    async with bus(monkeypatch) as opened:
        scripted(opened)
        await opened.create()
        yield opened


@pytest.fixture
async def grouped(monkeypatch):
    """A scripted namespace with a queue that requires sessions."""
    async with bus(monkeypatch) as opened:
        scripted(opened)
        await opened.create(requires_session=True)
        yield opened


def sends(queue):
    """How many sends the service has had, whatever became of them."""
    return sum(count for name, count in queue.server.counts.items() if name.split()[0] == "send")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["drop", "freeze"])
async def test_an_interrupted_send_leaves_the_outcome_open(queue, kind, when):
    """It is not repeated by the SDK, given up in time, and the same message again lands once."""
    sink = await queue.connected(call_seconds_max=1.5)
    kept = queue.server.add_fault(Fault(kind=kind, when=when, operation="send", count=100))
    async with asyncio.timeout(1.5):
        with pytest.raises(TransientError) as caught:
            await sink.write([sent("a"), sent("b")])
    assert (caught.value.settled, kept.count) == (False, 99)
    queue.server.clear_faults()
    await sink.write([sent("a"), sent("b")])
    assert queue.counts() == (2, 0, 0)


async def test_a_slow_opening_outlasts_a_call(queue):
    """A service that opens senders slower than a call may take is reached all the same."""
    queue.server.add_fault(Fault(kind="delay", operation="attach", delay_seconds=0.8, count=None))
    sink = queue.sink(call_seconds_max=2.0)
    with pytest.raises(TransientError) as caught:
        await sink.connect()
    assert caught.value.settled
    for _ in range(5):
        with contextlib.suppress(TransientError):
            await sink.connect()
            break
    else:
        pytest.fail("it never opened")
    queue.server.clear_faults()
    await sink.write([sent("a")])
    assert queue.counts() == (1, 0, 0)


async def test_a_busy_service_is_obeyed(queue):
    """Server-busy had no effect, names when to come back, and leaves the sender as it is."""
    sink = await queue.connected()
    queue.server.add_fault(Fault(kind="busy", operation="send"))
    attached = queue.server.counts["attach ok"]
    with pytest.raises(TransientError) as caught:
        await sink.write([sent("a"), sent("b")])
    error = caught.value
    assert (error.settled, error.reason, error.retry_after_seconds) == (True, "throttled", 10.0)
    await sink.write([sent("a")])
    assert queue.server.counts["attach ok"] == attached


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_link_that_ends_busy_leaves_the_outcome_open(queue, when):
    """Server-busy that ends the link is no answer to the send, which may have landed all the same."""
    sink = await queue.connected()
    queue.server.add_fault(Fault(kind="detach", when=when, operation="send"))
    with pytest.raises(TransientError) as caught:
        await sink.write([sent("a"), sent("b")])
    assert caught.value.settled is False
    assert queue.counts()[0] == (2 if when == "after" else 0)
    await sink.write([sent("a"), sent("b")])
    assert queue.counts() == (2, 0, 0)


@pytest.mark.parametrize("bytes_through", [0, 100, 20_000])
async def test_a_reset_amid_a_send_leaves_the_outcome_open(queue, monkeypatch, bytes_through):
    """However little of it has left this machine: a connection that was up and is reset settles nothing."""
    async with relay(queue.server.endpoint) as through:
        monkeypatch.setenv("THROUGH", connection_string(through.endpoint))
        sink = await queue.connected(connection_env="THROUGH", call_seconds_max=3.0)
        through.reset_after(bytes_through)
        with pytest.raises(TransientError) as caught:
            await sink.write([sent("a", "x" * 100_000)])
        assert caught.value.settled is False
        await sink.write([sent("a", "x" * 100_000)])
    assert queue.counts() == (1, 0, 0)


class Relay:
    """Forwards connections byte by byte, and resets those that are up once some more have gone through."""

    def __init__(self, upstream):
        self.host, self.port = upstream.split(":")
        self.endpoint, self._left = "", None

    def reset_after(self, count):
        """Reset the connection over which more than so many bytes come from now on."""
        self._left = count

    async def serve(self, reader, writer):
        up_reader, up_writer = await asyncio.open_connection(self.host, self.port)
        back = asyncio.create_task(self._forward(up_reader, writer))
        try:
            while data := await reader.read(4096):
                if self._left is not None:
                    up_writer.write(data[: self._left])
                    self._left -= len(data)
                    if self._left < 0:
                        self._left = None
                        linger = struct.pack("ii", 1, 0)
                        peer = writer.get_extra_info("socket")
                        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                        writer.transport.abort()
                        break
                else:
                    up_writer.write(data)
        except ConnectionError:
            pass
        finally:
            up_writer.close()
            back.cancel()

    async def _forward(self, reader, writer):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()


@contextlib.asynccontextmanager
async def relay(upstream):
    """A relay on a free port of loopback."""
    through = Relay(upstream)
    server = await asyncio.start_server(through.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    through.endpoint = f"{host}:{port}"
    try:
        yield through
    finally:
        server.close()


async def test_a_full_queue_is_waited_for(monkeypatch):
    """A queue at its size takes nothing, and that had no effect."""
    async with bus(monkeypatch) as opened:
        scripted(opened)
        await opened.create(size_bytes_max=10_000)
        sink = await opened.connected()
        with pytest.raises(TransientError, match="full") as caught:
            await sink.write([sent("a", "x" * 20_000)])
        assert (caught.value.settled, caught.value.reason) == (True, "throttled")
        await sink.write([sent("b")])


async def test_after_trouble_nothing_more_is_sent(grouped):
    """Of a call that needs several parcels, what stands behind a failed one fails with it, settled."""
    sink = await grouped.connected(sessions=True)
    changes = [sent(f"{number}", "x" * 100_000, group="g") for number in range(6)]
    grouped.server.add_fault(Fault(kind="drop", operation="send", skip=1))
    with pytest.raises(BatchError) as caught:
        await sink.write(changes)
    settled = {key[1]: error.settled for key, error in caught.value.failures.items()}
    assert settled == {"2": False, "3": False, "4": True, "5": True}
    await sink.write(changes)
    got = await grouped.messages(6, session="g")
    assert [each.id for each in got] == [f"{number}" for number in range(6)]


async def test_a_parcel_refused_as_a_whole_is_halved_until_the_culprit_is_alone(grouped, monkeypatch):
    """The service does not say which message it cannot take; others go on, its group does not."""
    # The service's own limit of properties is made smaller than what the codec takes for it.
    monkeypatch.setattr("localcloud.servicebus.broker.parse._PROPERTY_BYTES_MAX", 1000)
    sink = await grouped.connected(sessions=True)
    changes = [sent(f"{number}", group=f"g{number % 2}") for number in range(8)]
    changes[3] = sent("3", group="g1", attributes={"large": "x" * 2000})
    with pytest.raises(BatchError) as caught:
        await sink.write(changes)
    kinds = {key[1]: type(error) for key, error in caught.value.failures.items()}
    assert kinds == {"3": ChangeError, "5": TransientError, "7": TransientError}
    assert [each.id for each in await grouped.messages(4, session="g0")] == ["0", "2", "4", "6"]
    assert [each.id for each in await grouped.messages(1, session="g1")] == ["1"]


async def test_a_cancelled_write_gives_its_sender_up(queue):
    """What was under way is cut off, and the next write has a sender that works."""
    sink = await queue.connected(senders=1)
    kept = queue.server.add_fault(Fault(kind="freeze", operation="send"))
    writing = asyncio.create_task(sink.write([sent("a")]))
    while kept.count:
        await asyncio.sleep(0.01)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await sink.write([sent("b")])
    assert [each.id for each in await queue.messages(1)] == ["b"]


async def test_more_calls_than_senders_wait_their_turn(queue):
    """Calls share the senders and all succeed; one that waits too long has sent nothing."""
    sink = await queue.connected(senders=2, call_seconds_max=2.0)
    await asyncio.gather(*(sink.write([sent(f"{number}")]) for number in range(20)))
    assert queue.counts()[0] == 20
    queue.server.add_fault(Fault(kind="freeze", operation="send", count=2))
    calls = [sink.write([sent(f"late{number}")]) for number in range(3)]
    errors = await asyncio.gather(*calls, return_exceptions=True)
    # The third finds no sender, or one that was given up a moment before its own time is over.
    assert sorted(error.settled for error in errors) == [False, False, True]


async def test_a_service_that_is_gone_is_unreachable_and_comes_back(queue):
    """A refused connection had no effect; when the service is there again, so is the sink."""
    sink = await queue.connected()
    await queue.server.stop()
    with pytest.raises(TransientError):  # over the kept connection, which only breaks in use
        await sink.write([sent("a")])
    with pytest.raises(TransientError) as caught:
        await sink.write([sent("a")])
    assert (caught.value.settled, caught.value.reason) == (True, "unreachable")
    await queue.server.start()
    await sink.write([sent("a")])
    assert queue.counts() == (1, 0, 0)


async def test_connecting_to_nothing_is_unreachable(queue, monkeypatch):
    """A namespace that nobody listens at is told, by connecting and by the probe, and passes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("ELSEWHERE", connection_string(f"127.0.0.1:{port}"))
    sink = queue.sink(connection_env="ELSEWHERE")
    with pytest.raises(TransientError) as caught:
        await sink.connect()
    assert (caught.value.settled, caught.value.reason) == (True, "unreachable")
    (finding,) = await sink.probe()
    assert "cannot be reached" in finding.message
    assert finding.passing


async def test_a_service_that_does_not_answer_is_given_up(queue):
    """Attaching to a frozen service ends in time, and had no effect."""
    queue.server.add_fault(Fault(kind="freeze", operation="attach", count=None))
    async with asyncio.timeout(3):
        with pytest.raises(TransientError) as caught:
            await queue.connected(call_seconds_max=1.0)
    assert caught.value.settled


async def test_a_wrong_key_stops_the_pipeline(queue, monkeypatch):
    """A refused credential is permanent, with a hint, and never shows the key."""
    monkeypatch.setenv("OTHER", connection_string(queue.server.endpoint, key="d3Jvbmcga2V5"))
    with pytest.raises(PermanentError, match="credential") as caught:
        await queue.sink(connection_env="OTHER").connect()
    assert caught.value.hint
    assert "d3Jvbmcga2V5" not in str(caught.value)


async def test_a_connection_string_that_is_none_is_not_shown(queue, monkeypatch, tmp_path):
    """Neither text nor file of a broken one is quoted, as it may hold a key."""
    monkeypatch.setenv("OTHER", "SharedAccessKey=secret")
    with pytest.raises(PermanentError, match="connection string") as caught:
        await queue.sink(connection_env="OTHER").connect()
    assert "secret" not in str(caught.value)
    with pytest.raises(PermanentError, match="cannot be read"):
        await queue.sink(connection_file=tmp_path / "none").connect()


async def test_a_missing_queue_stops_the_pipeline(queue):
    """It is neither created nor waited for."""
    with pytest.raises(PermanentError, match="not there") as caught:
        await queue.sink(queue="elsewhere").connect()
    assert caught.value.hint


async def test_a_queue_that_vanishes_stops_the_pipeline(queue):
    """Messages for a queue that was deleted meanwhile are not lost silently."""
    sink = await queue.connected()
    queue.server.delete_queue(queue.queue)
    with pytest.raises(PermanentError, match="not there"):
        await sink.write([sent("a")])


async def test_a_disabled_queue_stops_the_pipeline(queue):
    """A queue that takes no messages is an operator's word, under way and at the start."""
    sink = await queue.connected()
    queue.server.update_queue(queue.queue, status="SendDisabled")
    with pytest.raises(PermanentError, match="takes no messages") as caught:
        await sink.write([sent("a")])
    assert caught.value.hint
    with pytest.raises(PermanentError, match="takes no messages"):
        await sink.try_write()
    (finding,) = await queue.sink().probe()
    assert "takes no messages" in finding.message


async def test_a_queue_that_holds_its_messages_back_is_written_to(queue):
    """ReceiveDisabled is how messages are held; their kind of queue cannot be told then, which is said."""
    queue.server.update_queue(queue.queue, status="ReceiveDisabled")
    sink = await queue.connected()
    await sink.write([sent("a")])
    await sink.try_write()
    assert queue.counts() == (1, 0, 0)
    (notice,) = sink.notices()
    assert "requires sessions" in notice
    assert "may be received from" in notice


async def test_a_sender_that_has_been_idle_is_opened_anew(queue, monkeypatch):
    """Before the service detaches it, so that a rare message does not find a broken link."""
    monkeypatch.setattr("connectors.servicebus.client.IDLE_SECONDS_MAX", 0.0)
    sink = await queue.connected()
    before = queue.server.counts["attach ok"]
    await sink.write([sent("a")])
    assert queue.server.counts["attach ok"] > before
    assert sends(queue) == 1
