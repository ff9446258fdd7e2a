"""A Service Bus namespace for tests: a stand-in of the test module's own, and clients of the real SDK.

To open and to close a handler takes the SDK long. So they are opened two at a time and closed at the end of
the module, all at once; each test has a queue of its own instead.
"""

import asyncio
from uuid import uuid4

from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient

from localcloud.servicebus import QueueSettings


class World:
    """A stand-in, and all that was opened in it."""

    def __init__(self, server):
        self.server = server
        self.handlers = []
        self.clients = []

    async def close(self):
        """Close everything, at once."""
        await asyncio.gather(*(handler.close() for handler in self.handlers), return_exceptions=True)
        await asyncio.gather(*(client.close() for client in self.clients), return_exceptions=True)
        await self.server.stop()


class Namespace:
    """One test's part of a namespace; ``queue`` is the queue that it created last."""

    def __init__(self, world):
        self._world = world
        self.server = world.server
        self.queue = ""

    def create(self, **settings):
        """Create a queue, and return its name."""
        self.queue = f"orders-{uuid4().hex[:8]}"
        self.server.create_queue(self.queue, QueueSettings(**settings))
        return self.queue

    def client(self, connection_string=None, **arguments):
        """A client that retries nothing."""
        made = ServiceBusClient.from_connection_string(
            connection_string or self.server.connection_string,
            **{"retry_total": 0, "keep_alive": 0, **arguments},
        )
        self._world.clients.append(made)
        return made

    async def sender(self, queue=None, **arguments):
        """An open sender."""
        return await self._open(self.client(**arguments).get_queue_sender(queue or self.queue))

    async def receiver(self, queue=None, **arguments):
        """An open receiver; ``session_id`` and the like as the SDK has them."""
        return await self._open(self.client().get_queue_receiver(queue or self.queue, **arguments))

    async def pair(self, **arguments):
        """An open sender and an open receiver."""
        return await asyncio.gather(self.sender(), self.receiver(**arguments))

    async def dead_letters(self):
        """Take all dead letters."""
        receiver = await self.receiver(
            sub_queue=ServiceBusSubQueue.DEAD_LETTER,
            receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE,
        )
        count = self.counts()[3]
        return await take(receiver, count)

    def counts(self):
        """Active, deferred, scheduled and dead-lettered messages of the queue."""
        described = self.server.describe_queue(self.queue)
        return tuple(described[name] for name in ("active", "deferred", "scheduled", "dead_letter"))

    async def _open(self, handler):
        self._world.handlers.append(handler)
        return await handler.__aenter__()


def message(body="hello", **arguments):
    """A message to send."""
    return ServiceBusMessage(body, **arguments)


async def take(receiver, count=1, seconds=5):
    """Receive exactly so many messages, where so many are ready."""
    messages = await receiver.receive_messages(count, max_wait_time=seconds)
    assert len(messages) == count
    return messages


async def nothing(receiver):
    """Expect that no message is ready."""
    assert await receiver.receive_messages(1, max_wait_time=0.1) == []


def bodies(messages):
    """The bodies as text."""
    return [str(each) for each in messages]
