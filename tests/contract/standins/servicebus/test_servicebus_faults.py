"""The Service Bus stand-in, asked by the real SDK: faults, the control path, kept state, the process."""

import asyncio
import json
import signal
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import aiohttp
import pytest
from azure.servicebus import ServiceBusReceiveMode
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    MessageLockLostError,
    OperationTimeoutError,
    ServiceBusConnectionError,
    ServiceBusError,
    ServiceBusServerBusyError,
)
from servicebus_namespace import Namespace, World, bodies, message, take

from localcloud.servicebus import Fault, QueueSettings, ServiceBusServer, journal

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_connection_dropped_before_a_send_leaves_nothing(namespace):
    """A send whose connection drops before it took effect fails, and nothing is there."""
    namespace.create()
    sender = await namespace.sender()
    namespace.server.add_fault(Fault(kind="drop", operation="send", queue=namespace.queue))
    with pytest.raises(ServiceBusConnectionError):
        await sender.send_messages(message())
    assert namespace.counts() == (0, 0, 0, 0)


async def test_a_connection_dropped_after_a_send_leaves_the_message(namespace):
    """A send that drops before its answer fails though the message is there; detection cures it."""
    namespace.create(duplicate_detection_seconds=60)
    sender = await namespace.sender()
    namespace.server.add_fault(Fault(kind="drop", when="after", operation="send"))
    with pytest.raises(ServiceBusConnectionError):
        await sender.send_messages(message(message_id="1"))
    assert namespace.counts() == (1, 0, 0, 0)
    await sender.send_messages(message(message_id="1"))
    assert namespace.counts() == (1, 0, 0, 0)


async def test_a_dropped_receiver_leaves_its_messages_locked(namespace):
    """Messages that were locked for a connection that dropped come back once their lock expires."""
    namespace.create(lock_seconds=30)
    sender, receiver = await namespace.pair()
    await sender.send_messages(message("a"))
    namespace.server.add_fault(Fault(kind="drop", when="after", operation="receive"))
    with pytest.raises(ServiceBusError):
        await receiver.receive_messages(1, max_wait_time=2)
    assert namespace.server.describe_queue(namespace.queue)["locked"] == 1
    namespace.server.advance_clock(31)
    (got,) = await take(await namespace.receiver())
    assert got.delivery_count == 1


async def test_a_frozen_broker_never_answers(namespace):
    """On a frozen connection a send with a timeout gives up; a new connection works."""
    namespace.create()
    sender = await namespace.sender()
    namespace.server.add_fault(Fault(kind="freeze", operation="send"))
    with pytest.raises(OperationTimeoutError):
        await sender.send_messages(message(), timeout=0.5)
    other = await namespace.sender()
    await other.send_messages(message())
    assert namespace.counts() == (1, 0, 0, 0)


async def test_a_busy_broker_says_so(namespace):
    """Server-busy is told on sending and on the management link, and counts down."""
    namespace.create()
    sender = await namespace.sender()
    rules = [
        Fault(kind="busy", operation="send", skip=1),
        Fault(kind="busy", operation="schedule-message"),
    ]
    for rule in rules:
        namespace.server.add_fault(rule)
    await sender.send_messages(message())
    with pytest.raises(ServiceBusServerBusyError):
        await sender.send_messages(message())
    in_an_hour = datetime.fromtimestamp(namespace.server.now(), UTC) + timedelta(hours=1)
    with pytest.raises(ServiceBusServerBusyError):
        await sender.schedule_messages(message(), in_an_hour)
    assert namespace.server.faults.rules == []
    await sender.send_messages(message())
    assert namespace.counts() == (2, 0, 0, 0)


async def test_a_lock_lost_to_order_fails_the_settling(namespace):
    """A message whose lock is lost just before it is completed comes again."""
    namespace.create()
    sender, receiver = await namespace.pair()
    await sender.send_messages(message())
    (got,) = await take(receiver)
    namespace.server.add_fault(Fault(kind="lock_lost", operation="settle"))
    with pytest.raises(MessageLockLostError):
        await receiver.complete_message(got)
    (again,) = await take(receiver)
    assert again.delivery_count == 1


async def test_a_delay_holds_an_answer_back(namespace):
    """A delayed send takes its time, and what comes behind it on the connection is in order."""
    namespace.create()
    sender, receiver = await namespace.pair()
    namespace.server.add_fault(
        Fault(kind="delay", operation="send", delay_seconds=2, queue=namespace.queue)
    )
    loop = asyncio.get_running_loop()
    before = loop.time()
    await sender.send_messages(message("a"))
    assert loop.time() - before >= 2
    await sender.send_messages(message("b"))
    assert bodies(await take(receiver, 2)) == ["a", "b"]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"AMQP\x02\x01\x00\x00",
        b"AMQP\x00\x01\x00\x00" + b"\xff" * 64,
        b"AMQP\x00\x01\x00\x00" + b"\x00\x00\x00\x0c\x02\x00\x00\x00\x00\x53\x99\x45",
    ],
)
async def test_whoever_speaks_something_else_is_hung_up_on(namespace, sent):
    """Bytes that are not the protocol end their connection, and nobody else's."""
    host, port = namespace.server.endpoint.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    await asyncio.wait_for(reader.read(), 50)
    writer.close()
    namespace.create()
    await (await namespace.sender()).send_messages(message())
    assert namespace.counts() == (1, 0, 0, 0)


async def test_a_server_that_was_stopped_starts_again(namespace):
    """Stop ends connections and keeps queues; start listens on the same ports."""
    world = World(ServiceBusServer())
    await world.server.start()
    other = Namespace(world)
    other.create()
    sender = await other.sender()
    await sender.send_messages(message())
    before = world.server.connection_string, world.server.control_url
    await world.server.stop()
    with pytest.raises(ServiceBusError):
        await sender.send_messages(message())
    await world.server.start()
    assert (world.server.connection_string, world.server.control_url) == before
    await sender.send_messages(message())
    assert other.counts() == (2, 0, 0, 0)
    await world.close()


async def test_the_control_path_does_what_python_does(namespace):
    """Queues, faults, the clock and counts are reached over HTTP, and bad requests are told why."""
    server = namespace.server
    name = "control/orders"
    path = f"/_local/queues/{quote(name, safe='')}"
    async with aiohttp.ClientSession(server.control_url) as http:

        async def call(verb, target, body=None):
            async with http.request(verb, target, json=body) as answer:
                return answer.status, await answer.json()

        assert (await call("PUT", path, {"lock_seconds": 10}))[0] == 201
        assert (await call("PUT", path, {"lock_seconds": 20}))[0] == 200
        status, described = await call("PATCH", path, {"status": "SendDisabled"})
        assert (status, described["name"], described["active"]) == (200, name, 0)
        assert described["settings"]["status"] == "SendDisabled"
        assert described["settings"]["lock_seconds"] == 20
        assert (await call("PATCH", path, {"requires_session": True}))[0] == 409
        assert (await call("PATCH", path, {"lock_seconds": 301}))[0] == 400
        assert (await call("PUT", path, {"colour": "red"}))[0] == 400
        assert name in (await call("GET", "/_local/queues"))[1]
        before = server.now()
        assert (await call("POST", "/_local/clock", {"advance_seconds": 100}))[0] == 200
        assert server.now() - before >= 100
        await call("POST", "/_local/faults", {"kind": "drop", "queue": "nobody"})
        assert (await call("GET", "/_local/faults"))[1][0]["kind"] == "drop"
        assert (await call("DELETE", "/_local/faults"))[1] == []
        assert (await call("GET", "/_local/counts"))[0] == 200
        assert (await call("DELETE", path))[0] == 200
        assert (await call("GET", path))[0] == 404
        assert (await call("GET", "/_local/nothing"))[0] == 404


async def test_state_is_kept_over_a_restart(tmp_path):
    """Queues, messages of every state, sessions' states and taken ids are there after a restart."""
    world = World(ServiceBusServer(directory=tmp_path))
    await world.server.start()
    namespace = Namespace(world)
    world.server.create_queue("plain", QueueSettings(duplicate_detection_seconds=60))
    world.server.create_queue("grouped", QueueSettings(requires_session=True))
    world.server.create_queue("gone")
    world.server.delete_queue("gone")
    sender, receiver = await namespace.sender("plain"), await namespace.receiver("plain")
    grouped, holder = await namespace.sender("grouped"), await namespace.receiver("grouped", session_id="a")
    await sender.send_messages([message(text, message_id=text) for text in "abcde"])
    done, deferred, dead, _locked = await take(receiver, 4)
    await receiver.complete_message(done)
    await receiver.defer_message(deferred)
    await receiver.dead_letter_message(dead, reason="poison")
    await sender.schedule_messages(message("later"), datetime.now(UTC) + timedelta(hours=1))
    await grouped.send_messages([message("1", session_id="a"), message("2", session_id="a")])
    await holder.session.set_state(b"state")
    await world.close()

    world = World(ServiceBusServer(directory=tmp_path))
    await world.server.start()
    namespace = Namespace(world)
    assert world.server.queues() == ["plain", "grouped"]
    namespace.queue = "plain"
    assert namespace.counts() == (2, 1, 1, 1)
    sender, receiver = await namespace.sender(), await namespace.receiver()
    await sender.send_messages(message("a", message_id="a"))
    assert bodies(await take(receiver, 2)) == ["d", "e"]
    (again,) = await receiver.receive_deferred_messages(deferred.sequence_number)
    assert str(again) == "b"
    (number,) = await sender.schedule_messages(message("new"), datetime.now(UTC) + timedelta(hours=1))
    # Numbers go on where they were, past those of messages that are gone.
    assert number > 6
    (letter,) = await namespace.dead_letters()
    assert letter.dead_letter_reason == "poison"
    holder = await namespace.receiver("grouped", session_id="a")
    assert await holder.session.get_state() == b"state"
    assert bodies(await take(holder, 2)) == ["1", "2"]
    await world.close()


async def test_a_journal_that_has_grown_is_written_anew(tmp_path, monkeypatch):
    """What came and went leaves the journal, and what is there stays in it."""
    monkeypatch.setattr(journal, "_REWRITE_BYTES_MIN", 100_000)
    world = World(ServiceBusServer(directory=tmp_path))
    await world.server.start()
    namespace = Namespace(world)
    namespace.create()
    sender, receiver = await namespace.pair(receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE)
    for number in range(20):
        await sender.send_messages(message(f"{number}" + "x" * 20_000))
        if number < 19:
            await take(receiver)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 150_000
    await world.close()
    world = World(ServiceBusServer(directory=tmp_path))
    assert world.server.describe_queue(namespace.queue)["active"] == 1


@pytest.fixture
async def spawn():
    """Starts the stand-in as a process, and returns that with the line that it prints when it listens."""
    started = []

    async def start(*arguments):
        command = [sys.executable, "-m", "localcloud.servicebus", *arguments]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        started.append(process)
        return process, json.loads(await process.stdout.readline())

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.asyncio(loop_scope="function")
async def test_the_process_keeps_what_it_answered_when_it_is_killed(spawn, tmp_path):
    """As a process it says where it is, keeps acknowledged messages over SIGKILL, and stops at SIGTERM."""
    arguments = ["--directory", str(tmp_path), "--queue", "orders"]
    process, ready = await spawn(*arguments)
    client = ServiceBusClient.from_connection_string(ready["connection_string"])
    async with client, client.get_queue_sender("orders") as sender:
        await sender.send_messages([message("a"), message("b")])
        process.kill()
        await process.wait()
    process, ready = await spawn(*arguments)
    client = ServiceBusClient.from_connection_string(ready["connection_string"])
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    async with client, client.get_queue_receiver("orders", receive_mode=mode) as receiver:
        assert bodies(await take(receiver, 2)) == ["a", "b"]
    assert process.pid == ready["pid"]
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
