"""The way to the system: tables and containers of this process by name, each created on first use.

In a connector to a real system this is the only file that imports the vendor's SDK.
"""

from __future__ import annotations

from connectors.memory.container import MemoryContainer
from connectors.memory.table import MemoryTable

_tables: dict[str, MemoryTable] = {}
_containers: dict[str, MemoryContainer] = {}


def table(name: str) -> MemoryTable:
    """The table of this name."""
    return _tables.setdefault(name, MemoryTable())


def container(name: str) -> MemoryContainer:
    """The container of this name."""
    return _containers.setdefault(name, MemoryContainer())


def drop(name: str) -> None:
    """Forget the table and the container of this name, if there are any."""
    _tables.pop(name, None)
    _containers.pop(name, None)
