"""The way to the systems: those of this process by name, each created on first use.

In a connector to a real system this is the only file that imports the vendor's SDK.
"""

from __future__ import annotations

from connectors.memory.container import MemoryContainer
from connectors.memory.messages.bus import MemoryBus
from connectors.memory.messages.queue import MemoryQueue
from connectors.memory.objects.bucket import MemoryBucket
from connectors.memory.objects.store import MemoryObjectStore
from connectors.memory.table import MemoryTable
from replicator.model.clock import Clock

_tables: dict[str, MemoryTable] = {}
_containers: dict[str, MemoryContainer] = {}
_buckets: dict[str, MemoryBucket] = {}
_storages: dict[str, MemoryObjectStore] = {}
_queues: dict[str, MemoryQueue] = {}
_buses: dict[str, MemoryBus] = {}


def table(name: str) -> MemoryTable:
    """The table of this name."""
    return _tables.setdefault(name, MemoryTable())


def container(name: str) -> MemoryContainer:
    """The container of this name."""
    return _containers.setdefault(name, MemoryContainer())


def bucket(name: str, clock: Clock | None = None) -> MemoryBucket:
    """The bucket of this name; whoever is first gives it its clock."""
    return _buckets.setdefault(name, MemoryBucket(clock))


def storage(name: str) -> MemoryObjectStore:
    """The store of objects of this name."""
    return _storages.setdefault(name, MemoryObjectStore())


def queue(name: str, clock: Clock | None = None, *, fifo: bool = False) -> MemoryQueue:
    """The queue of this name; whoever is first gives it its clock and its kind."""
    return _queues.setdefault(name, MemoryQueue(clock, fifo=fifo))


def bus(name: str, clock: Clock | None = None, *, sessions: bool = False) -> MemoryBus:
    """The bus of this name; whoever is first gives it its clock and its kind."""
    return _buses.setdefault(name, MemoryBus(clock, sessions=sessions))


def drop(name: str) -> None:
    """Forget every system of this name, if there are any."""
    for systems in (_tables, _containers, _buckets, _storages, _queues, _buses):
        systems.pop(name, None)
