"""Which items a query or feed goes over: a logical partition, a range, a part of one, or all."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from localcloud.cosmos.container import Container
from localcloud.cosmos.document import Document
from localcloud.cosmos.errors import bad_request
from localcloud.cosmos.exchange import Call
from localcloud.cosmos.items import partition_key
from localcloud.cosmos.ranges import PhysicalRange


@dataclass(slots=True)
class Scope:
    """Some items of a container.

    Attributes:
        container: theirs.
        ranges: the physical ranges they lie in, in order.
        epk: of the one logical partition, None for more than one.
        bounds: effective partition keys from, and up to, as the call narrowed them; None for all.
        is_whole: whether nothing narrowed it at all.
    """

    container: Container
    ranges: list[PhysicalRange]
    epk: bytes | None = None
    bounds: tuple[bytes, bytes] | None = None
    is_whole: bool = False

    @property
    def size(self) -> int | None:
        """How many items it has, where that is known without looking at each; None elsewhere."""
        is_plain = self.epk is None and self.bounds is None and self.container.default_ttl is None
        return sum(map(len, self.ranges)) if is_plain else None

    def holds(self, document: Document) -> bool:
        """Whether a document of one of the ranges belongs to the scope."""
        if self.epk is not None and document.epk != self.epk:
            return False
        return self.bounds is None or self.bounds[0] <= document.epk < self.bounds[1]

    def created_after(
        self, physical: PhysicalRange, number: int, ids: frozenset[str] | None
    ) -> Iterator[Document]:
        """Yield the live documents of one range in order of creation.

        Args:
            physical: one of the ranges.
            number: the last document already seen.
            ids: where not None, only these.
        """
        found = self._candidates(physical, number, ids)
        if ids is not None:
            found = (document for document in found if document.id in ids)
        return filter(self.holds, self.container.live(found))

    def _candidates(
        self, physical: PhysicalRange, number: int, ids: frozenset[str] | None
    ) -> Iterator[Document]:
        """Yield documents after a number by the shortest way: by id, by partition, or all."""
        if self.epk is not None:
            return _partition_after(physical, self.epk, number, ids)
        if ids is not None and self.container.key_paths == [["id"]]:
            pairs = ((self.container.epk_of((identifier,)), identifier) for identifier in ids)
            return _chosen(physical, number, pairs)
        return physical.created_after(number)


def scope_of(container: Container, call: Call) -> Scope:
    """Return the scope that a call's headers name.

    Raises:
        RefusedError: 400 for bounds that are not hexadecimal, 410 for an unknown range.
    """
    epk: bytes | None = None
    bounds = _bounds(call)
    if call.headers.get("x-ms-documentdb-partitionkey"):
        key = partition_key(call)
        named = container.epk_of(key)
        if len(key) < len(container.key_paths):
            bounds = named, named + b"\xff"
        else:
            epk = named
    range_id = call.headers.get("x-ms-documentdb-partitionkeyrangeid")
    if range_id is not None:
        return Scope(container, [container.range_named(range_id)], epk, bounds)
    if epk is not None:
        return Scope(container, [container.range_of(epk)], epk, bounds)
    return Scope(container, container.ranges, None, bounds, bounds is None)


def _bounds(call: Call) -> tuple[bytes, bytes] | None:
    lower, upper = call.headers.get("x-ms-start-epk"), call.headers.get("x-ms-end-epk")
    if lower is None and upper is None:
        return None
    try:
        return bytes.fromhex(lower or ""), bytes.fromhex(upper or "FF")
    except ValueError:
        raise bad_request("x-ms-start-epk and x-ms-end-epk are hexadecimal") from None


def _partition_after(
    physical: PhysicalRange, epk: bytes, number: int, ids: frozenset[str] | None
) -> Iterator[Document]:
    if ids is not None:
        return _chosen(physical, number, ((epk, identifier) for identifier in ids))
    # A partition's documents lie in order of creation, like the numbers they were given.
    documents = list(physical.partitions.get(epk, {}).values())
    return iter(documents[bisect_right(documents, number, key=_number) :])


def _chosen(physical: PhysicalRange, number: int, keys: Iterator[tuple[bytes, str]]) -> Iterator[Document]:
    found = [physical.get(epk, identifier) for epk, identifier in keys]
    later = [document for document in found if document is not None and document.number > number]
    return iter(sorted(later, key=_number))


def _number(document: Document) -> int:
    return document.number
