"""The reference connector: systems that live in this process. Read it before writing another.

It serves all three shapes of state, one in each room: rows here, ``objects`` and ``messages`` below. For
rows the system is a table with a change log over shards (``table``) and a container with ETags and
transactional batches (``container``), both over ``rows``. The connector around it has the files that
every connector has: ``config`` (settings), ``client`` (the only way to the system), ``codec`` (pure:
neutral form <-> the system's), ``errors`` (the system's errors -> ours), ``source`` and ``sink``.

It offers every ability of ``replicator.connector``, so the engine, the simulator and the contract
checks run on it. It holds nothing that outlives the process.
"""

from __future__ import annotations

from connectors.memory.client import bucket, bus, container, queue, storage, table
from connectors.memory.config import MemorySinkSettings, MemorySourceSettings
from connectors.memory.container import MemoryContainer
from connectors.memory.messages.bus import MemoryBus
from connectors.memory.messages.queue import MemoryQueue
from connectors.memory.messages.sink import MemoryMessageSink
from connectors.memory.messages.source import MarkedMemoryMessageSource, MemoryMessageSource
from connectors.memory.messages.unrest import Unrest
from connectors.memory.objects.bucket import MemoryBucket
from connectors.memory.objects.sink import MemoryObjectSink
from connectors.memory.objects.source import MarkedMemoryObjectSource, MemoryObjectSource
from connectors.memory.objects.store import MemoryObjectStore
from connectors.memory.sink import MemorySink
from connectors.memory.source import MarkedMemorySource, MemorySource
from connectors.memory.table import MemoryTable
from replicator.connector import Connector, Context, Sink, Source


def open_source(settings: MemorySourceSettings, context: Context) -> Source:
    """The source over the table, bucket or queue; it has marks unless the settings turn them off."""
    if settings.bucket is not None:
        objects = MarkedMemoryObjectSource if settings.marks else MemoryObjectSource
        return objects(bucket(settings.bucket, context.clock), settings)
    if settings.queue is not None:
        messages = MarkedMemoryMessageSource if settings.marks else MemoryMessageSource
        return messages(queue(settings.queue, context.clock, fifo=settings.fifo), settings)
    kind = MarkedMemorySource if settings.marks else MemorySource
    return kind(table(settings.table or ""), settings)


def open_sink(settings: MemorySinkSettings, context: Context) -> Sink:
    """The sink into the container, the storage or the bus."""
    if settings.storage is not None:
        return MemoryObjectSink(storage(settings.storage), settings)
    if settings.bus is not None:
        return MemoryMessageSink(bus(settings.bus, context.clock, sessions=settings.sessions), settings)
    return MemorySink(container(settings.container or ""), settings)


connector = Connector(
    name="memory",
    source_settings=MemorySourceSettings,
    open_source=open_source,
    sink_settings=MemorySinkSettings,
    open_sink=open_sink,
)

__all__ = [
    "MarkedMemoryMessageSource",
    "MarkedMemoryObjectSource",
    "MarkedMemorySource",
    "MemoryBucket",
    "MemoryBus",
    "MemoryContainer",
    "MemoryMessageSink",
    "MemoryMessageSource",
    "MemoryObjectSink",
    "MemoryObjectSource",
    "MemoryObjectStore",
    "MemoryQueue",
    "MemorySink",
    "MemorySinkSettings",
    "MemorySource",
    "MemorySourceSettings",
    "MemoryTable",
    "Unrest",
    "bucket",
    "bus",
    "connector",
    "container",
    "open_sink",
    "open_source",
    "queue",
    "storage",
    "table",
]
