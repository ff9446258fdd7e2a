"""A queue of Azure Service Bus as a sink of messages.

Files: ``config`` (settings), ``client`` with its parts ``link`` and ``management`` (the only ones that
import the SDK), ``codec`` (pure: neutral message <-> what Service Bus carries; a stored form, frozen by
golden files), ``wire`` (pure: that as AMQP bytes), ``errors`` (the service's answers -> our errors),
``delivery`` (changes -> parcels, in order), ``sink`` and ``probe``.

Nothing here retries, measures or schedules; the engine does.
"""

from __future__ import annotations

from connectors.servicebus.client import ServiceBusQueue
from connectors.servicebus.codec import decode
from connectors.servicebus.config import ServiceBusSinkSettings
from connectors.servicebus.sink import ServiceBusSink
from replicator.connector import Connector, Context, Sink


def open_sink(settings: ServiceBusSinkSettings, context: Context) -> Sink:
    """The sink into the queue that the settings name."""
    return ServiceBusSink(ServiceBusQueue(settings, context.call_seconds_max), settings, context.clock)


connector = Connector(name="servicebus", sink_settings=ServiceBusSinkSettings, open_sink=open_sink)

__all__ = [
    "ServiceBusQueue",
    "ServiceBusSink",
    "ServiceBusSinkSettings",
    "connector",
    "decode",
    "open_sink",
]
