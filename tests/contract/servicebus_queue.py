"""A Service Bus namespace for the sink's tests: a stand-in of the test's own, or the real one.

With ``REPLICATOR_TEST_CLOUDS=real`` the namespace is that of SERVICEBUS_CONNECTION_STRING, whose key must
have the right to manage: queues are created for each test and deleted. Tests that script the stand-in are
skipped there.
"""

import contextlib
import os
from datetime import timedelta
from uuid import uuid4

import pytest
from azure.servicebus import ServiceBusReceiveMode
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.aio.management import ServiceBusAdministrationClient

from connectors.servicebus import connector, decode
from localcloud.servicebus import QueueSettings, ServiceBusServer
from replicator.connector import Context
from replicator.model.change import Change, Kind
from replicator.model.record import Attribute, Message

REAL = os.environ.get("REPLICATOR_TEST_CLOUDS") == "real"
VARIABLE = "SERVICEBUS_CONNECTION_STRING"
SOUND = {
    "duplicate_detection_seconds": 600.0,
    "dead_letter_on_expiration": True,
}


class Bus:
    """A namespace for one test; ``server`` is the stand-in, or None."""

    def __init__(self, connection_string, server=None):
        self.connection_string, self.server = connection_string, server
        self.queue = f"replicator-test-{uuid4().hex[:12]}"
        self.client = ServiceBusClient.from_connection_string(connection_string)
        self._opened, self._receivers, self._created = [], [], []

    async def create(self, **settings):
        """Create the test's queue, sound but for these settings of the stand-in's."""
        validated = QueueSettings(**(SOUND | settings))
        if self.server is not None:
            self.server.create_queue(self.queue, validated)
        else:
            await self._create_real(validated)
        self._created.append(self.queue)

    def sink(self, *, call_seconds_max=10.0, clock=None, **settings):
        """A sink into the queue; closed with the namespace."""
        validated = connector.sink_settings.model_validate({"queue": self.queue} | settings)
        context = Context("orders", call_seconds_max, **({"clock": clock} if clock else {}))
        sink = connector.open_sink(validated, context)
        self._opened.append(sink)
        return sink

    async def connected(self, **settings):
        """A sink that is connected."""
        sink = self.sink(**settings)
        await sink.connect()
        return sink

    async def take(self, count, *, session=None, dead=False, seconds=10):
        """Take so many messages out of the queue, or out of a session of it, as the SDK gives them."""
        options = {"receive_mode": ServiceBusReceiveMode.RECEIVE_AND_DELETE}
        options |= {"session_id": session} if session else {}
        options |= {"sub_queue": "deadletter"} if dead else {}
        taken = []
        async with self.client.get_queue_receiver(self.queue, **options) as receiver:
            while len(taken) < count:
                got = await receiver.receive_messages(count - len(taken), max_wait_time=seconds)
                if not got:
                    break
                taken += got
        assert len(taken) == count
        return taken

    async def sessions(self):
        """The sessions that have messages."""
        return [each async for each in self.client.list_queue_sessions(self.queue)]

    async def peek(self, session=None):
        """Look at all messages of the queue, or of a session of it, in their order, and take none."""
        options = {"session_id": session} if session else {}
        found = []
        receiver = self.client.get_queue_receiver(self.queue, **options)
        async with receiver:
            while got := await receiver.peek_messages(
                100, sequence_number=found[-1].sequence_number + 1 if found else 1
            ):
                found += got
        return found

    async def messages(self, count, **options):
        """Take so many messages, in neutral form."""
        return [decode(each) for each in await self.take(count, **options)]

    def counts(self):
        """Active, scheduled and dead messages in the stand-in's queue."""
        described = self.server.describe_queue(self.queue)
        return tuple(described[name] for name in ("active", "scheduled", "dead_letter"))

    async def close(self):
        """Close the sinks and delete the queue."""
        for sink in self._opened:
            await sink.close()
        await self.client.close()
        if self.server is None:
            async with ServiceBusAdministrationClient.from_connection_string(
                self.connection_string
            ) as admin:
                for name in self._created:
                    with contextlib.suppress(Exception):
                        await admin.delete_queue(name)

    async def _create_real(self, settings):
        window, ttl = settings.duplicate_detection_seconds, settings.default_ttl_seconds
        detection = {
            "requires_duplicate_detection": True,
            "duplicate_detection_history_time_window": timedelta(seconds=window or 0),
        }
        async with ServiceBusAdministrationClient.from_connection_string(self.connection_string) as admin:
            await admin.create_queue(
                self.queue,
                requires_session=settings.requires_session,
                dead_lettering_on_message_expiration=settings.dead_letter_on_expiration,
                max_delivery_count=settings.max_delivery_count,
                **(detection if window else {}),
                **({"default_message_time_to_live": timedelta(seconds=ttl)} if ttl else {}),
            )


@contextlib.asynccontextmanager
async def bus(monkeypatch, **arguments):
    """A namespace whose connection string is in SERVICEBUS_CONNECTION_STRING."""
    server = None if REAL else ServiceBusServer(**arguments)
    if server is not None:
        await server.start()
        monkeypatch.setenv(VARIABLE, server.connection_string)
        monkeypatch.setenv("SERVICEBUS_MANAGEMENT_ENDPOINT", server.control_url)
    opened = Bus(os.environ[VARIABLE], server)
    try:
        yield opened
    finally:
        if server is not None:
            server.clear_faults()
        await opened.close()
        if server is not None:
            await server.stop()


def scripted(opened):
    """The stand-in, for a test that injects faults; skips on a real namespace."""
    if opened.server is None:
        pytest.skip("scripts the stand-in")
    return opened.server


def message(identity, body="hello", group=None, **fields):
    """A message with that id."""
    attributes = {
        name: Attribute("String", text) if isinstance(text, str) else text
        for name, text in fields.pop("attributes", {}).items()
    }
    return Message(identity, body, attributes, group, **fields)


def sent(identity, body="hello", group=None, **fields):
    """The change that carries it."""
    key = (identity,) if group is None else (group, identity)
    return Change(Kind.UPSERT, key, message(identity, body, group, **fields), 0.0)
