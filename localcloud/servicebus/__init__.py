"""Our own stand-in for Azure Service Bus: a broker that azure-servicebus talks AMQP 1.0 to.

Here belongs what the service does for queues: peek-lock and receive-and-delete, batches, sessions,
scheduled, deferred and dead-lettered messages, duplicate detection, time to live, statuses, limits of the
tiers, shared access signatures, and faults to order. `broker` decides, `amqp` speaks, `wire` joins the two.
It has no topics, transactions, forwarding or partitions; what it does not have it refuses with a sentence.

    server = ServiceBusServer()
    await server.start()
    server.create_queue("orders", QueueSettings(requires_session=True))
    client = ServiceBusClient.from_connection_string(server.connection_string)

``python -m localcloud.servicebus`` runs it as a process of its own.
"""

from localcloud.servicebus.broker.settings import QueueSettings
from localcloud.servicebus.faults import Fault
from localcloud.servicebus.remote import ServiceBusControl
from localcloud.servicebus.server import ServiceBusServer
from localcloud.servicebus.tokens import WELL_KNOWN_KEY, WELL_KNOWN_KEY_NAME, connection_string

__all__ = [
    "WELL_KNOWN_KEY",
    "WELL_KNOWN_KEY_NAME",
    "Fault",
    "QueueSettings",
    "ServiceBusControl",
    "ServiceBusServer",
    "connection_string",
]
