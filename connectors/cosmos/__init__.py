"""Azure Cosmos DB for NoSQL as a sink.

Files: ``config`` (settings), ``client`` (the only one that imports the SDK), ``keys`` and ``codec`` (pure:
neutral key and item <-> place and document; stored forms, frozen by golden files), ``expiry`` (an item's
time to live), ``layout`` (what the settings make of all these), ``errors`` (the service's answers -> our
errors), ``batch`` (changes -> transactional batches), ``sink``, ``probe`` and ``sample`` (the preflight).

Nothing here retries, measures or schedules; the engine does.
"""

from __future__ import annotations

from connectors.cosmos.config import CosmosSinkSettings
from connectors.cosmos.keys import PARTITION_KEY_PATH
from connectors.cosmos.sink import CosmosSink
from replicator.connector import Connector, Context, Sink


def open_sink(settings: CosmosSinkSettings, context: Context) -> Sink:
    """The sink into the container that the settings name."""
    return CosmosSink(settings, context)


connector = Connector(name="cosmos", sink_settings=CosmosSinkSettings, open_sink=open_sink)

__all__ = [
    "PARTITION_KEY_PATH",
    "CosmosSink",
    "CosmosSinkSettings",
    "connector",
    "open_sink",
]
