"""The reference connector: a system that lives in this process. Read it before writing another.

The system itself is a table with a change log over shards (``table``) and a container with ETags and
transactional batches (``container``), both over ``rows``. The connector around it has the files that
every connector has: ``config`` (settings), ``client`` (the only way to the system), ``codec`` (pure:
neutral form <-> the system's), ``errors`` (the system's errors -> ours), ``source`` and ``sink``.

It offers every ability of ``replicator.connector``, so the engine, the simulator and the contract
checks run on it. It holds nothing that outlives the process.
"""

from __future__ import annotations

from connectors.memory.client import container, table
from connectors.memory.config import MemorySinkSettings, MemorySourceSettings
from connectors.memory.container import MemoryContainer
from connectors.memory.sink import MemorySink
from connectors.memory.source import MarkedMemorySource, MemorySource
from connectors.memory.table import MemoryTable
from replicator.connector import Connector, Context, Sink, Source


def open_source(settings: MemorySourceSettings, _context: Context) -> Source:
    """The source over the named table; it has marks unless the settings turn them off."""
    kind = MarkedMemorySource if settings.marks else MemorySource
    return kind(table(settings.table), settings)


def open_sink(settings: MemorySinkSettings, _context: Context) -> Sink:
    """The sink into the named container."""
    return MemorySink(container(settings.container), settings)


connector = Connector(
    name="memory",
    source_settings=MemorySourceSettings,
    open_source=open_source,
    sink_settings=MemorySinkSettings,
    open_sink=open_sink,
)

__all__ = [
    "MarkedMemorySource",
    "MemoryContainer",
    "MemorySink",
    "MemorySinkSettings",
    "MemorySource",
    "MemorySourceSettings",
    "MemoryTable",
    "connector",
    "container",
    "open_sink",
    "open_source",
    "table",
]
