"""A container: its definition, and the physical ranges that hold its items."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from localcloud.cosmos.budget import Budget
from localcloud.cosmos.document import Document, resource_id
from localcloud.cosmos.epk import effective_partition_key, range_bounds
from localcloud.cosmos.errors import RefusedError, bad_request
from localcloud.cosmos.ranges import PhysicalRange

_KEY_BYTES_MAX = {1: 101, 2: 2048}
_MISSING: dict[str, Any] = {}

PartitionKeyValue = tuple[Any, ...]
"""One value per path of the partition key, ``{}`` where an item has none; fewer are a prefix."""


class Container:
    """Items under one partition key definition.

    Args:
        properties: the container as the service shows it, system fields included.
        rid: resource id, as bytes.
        database_rid: resource id of the database.
        range_count: how many physical ranges to cut it into.
        clock: returns seconds since the epoch.
        next_version: returns a number that the account never returned before.
    """

    def __init__(
        self,
        properties: dict[str, Any],
        rid: bytes,
        database_rid: str,
        range_count: int,
        clock: Callable[[], float],
        next_version: Callable[[], int],
    ) -> None:
        self.properties = properties
        self.rid = rid
        self.link = f"dbs/{database_rid}/colls/{resource_id(rid)}/"
        self.clock = clock
        self.next_version = next_version
        self.budget: Budget | None = None
        self.number = 0
        definition = properties["partitionKey"]
        self.key_version: int = definition.get("version", 1)
        self.key_paths: list[list[str]] = [path.strip("/").split("/") for path in definition["paths"]]
        bounds = range_bounds(range_count, self.key_version)
        self._lowers = bounds[:-1]
        self._range_number = range_count
        self.ranges_version = 1
        self.ranges = [
            PhysicalRange(str(index), lower, upper) for index, (lower, upper) in enumerate(pairwise(bounds))
        ]

    @property
    def default_ttl(self) -> int | None:
        """Seconds; -1 for on without a default; None for off."""
        ttl: int | None = self.properties.get("defaultTtl")
        return ttl

    @property
    def indexed(self) -> bool:
        """Whether writes also pay for an index."""
        mode: str = self.properties["indexingPolicy"].get("indexingMode", "consistent")
        return mode.lower() != "none"

    def range_of(self, epk: bytes) -> PhysicalRange:
        """Return the physical range that holds an effective partition key."""
        return self.ranges[bisect_right(self._lowers, epk) - 1]

    def range_named(self, identifier: str) -> PhysicalRange:
        """Return a physical range by its id.

        Raises:
            RefusedError: 410 with substatus 1002 when there is none of that id.
        """
        for physical in self.ranges:
            if physical.identifier == identifier:
                return physical
        raise RefusedError(410, "Gone", f"The partition key range {identifier} does not exist", 1002)

    def split(self, identifier: str | None = None) -> tuple[PhysicalRange, PhysicalRange]:
        """Split a physical range in two, the fullest where none is named; its id is gone at once.

        Raises:
            RefusedError: 410 where there is no such range, 400 where it holds too little.
        """
        old = max(self.ranges, key=_fullness) if identifier is None else self.range_named(identifier)
        names = (str(self._range_number), str(self._range_number + 1))
        try:
            children = old.split(names, self.ranges_version + 1)
        except ValueError as error:
            raise bad_request(str(error)) from None
        self._range_number += 2
        self.ranges_version += 1
        place = self.ranges.index(old)
        # A new list: a page that is being filled keeps the one it began with.
        self.ranges = [*self.ranges[:place], *children, *self.ranges[place + 1 :]]
        self._lowers = [physical.lower for physical in self.ranges]
        return children

    def key_of(self, item: dict[str, Any]) -> PartitionKeyValue:
        """Return an item's partition key value."""
        return tuple(_value_at(item, path) for path in self.key_paths)

    def epk_of(self, key: PartitionKeyValue) -> bytes:
        """Return the effective partition key of a value: that of a prefix begins those it stands for.

        Raises:
            RefusedError: 400 for an array or object among them, or strings beyond 2 KB together (101 bytes
                at version 1). Whether the service counts the parts of a hierarchical key together is
                not documented; this stand-in takes the narrower reading.
        """
        size = 0
        for part in key:
            if isinstance(part, list) or (isinstance(part, dict) and part):
                raise bad_request("A partition key value is null, a boolean, a number or a string")
            size += len(part.encode()) if isinstance(part, str) else 0
        limit = _KEY_BYTES_MAX[self.key_version]
        if size > limit:
            raise bad_request(f"The partition key value is longer than {limit} bytes")
        return b"".join(effective_partition_key(part, self.key_version) for part in key)

    def epk_text(self, epk: bytes) -> str:
        """Return an effective partition key as the SDK spells it: version 1 in lower case."""
        text = epk.hex()
        return text if self.key_version == 1 and epk != b"\xff" else text.upper()

    def is_live(self, document: Document) -> bool:
        """Whether a document has not expired."""
        ttl = self.default_ttl
        return ttl is None or document.expires_at(ttl) > self.clock()

    def live(self, documents: Iterator[Document]) -> Iterator[Document]:
        """Yield the documents that have not expired."""
        return documents if self.default_ttl is None else filter(self.is_live, documents)


def _value_at(item: dict[str, Any], path: list[str]) -> Any:
    value: Any = item
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return _MISSING
        value = value[name]
    return value


def _fullness(physical: PhysicalRange) -> int:
    return len(physical.partitions)
