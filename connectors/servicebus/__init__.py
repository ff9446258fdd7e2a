"""A queue of Azure Service Bus as a sink of messages.

Files: ``config`` (settings), ``client`` with its parts ``link``, ``management`` and ``bodies`` (the only
ones that import the SDKs), ``codec`` and ``claim`` (pure: neutral message <-> what Service Bus carries; a
stored form, frozen by golden files), ``wire`` (pure: that as AMQP bytes), ``errors`` (the services' answers
-> our errors), ``delivery`` (changes -> parcels, in order), ``parting`` (large bodies leave messages),
``trial`` (the write test), ``sink``, ``probe`` and ``comparison`` (what source and queue make together).

Nothing here retries, measures or schedules; the engine does.
"""

from __future__ import annotations

from connectors.servicebus.bodies import Bodies
from connectors.servicebus.client import ServiceBusQueue
from connectors.servicebus.codec import claim_of, decode
from connectors.servicebus.config import ServiceBusSinkSettings
from connectors.servicebus.sink import ServiceBusSink
from replicator.connector import Connector, Context, Sink


def open_sink(settings: ServiceBusSinkSettings, context: Context) -> Sink:
    """The sink into the queue that the settings name."""
    queue = ServiceBusQueue(settings, context.call_seconds_max)
    checked = settings.claim_check
    bodies = None if checked is None else Bodies(checked, context.call_seconds_max / 2)
    return ServiceBusSink(queue, settings, context.clock, bodies)


connector = Connector(name="servicebus", sink_settings=ServiceBusSinkSettings, open_sink=open_sink)

__all__ = [
    "ServiceBusQueue",
    "ServiceBusSink",
    "ServiceBusSinkSettings",
    "claim_of",
    "connector",
    "decode",
    "open_sink",
]
