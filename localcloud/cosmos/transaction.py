"""Reads and writes of one logical partition that take effect together or not at all."""

from dataclasses import dataclass
from typing import Any

from localcloud.cosmos.budget import read_charge, write_charge
from localcloud.cosmos.container import Container, PartitionKeyValue
from localcloud.cosmos.document import Document, splice_system_fields
from localcloud.cosmos.errors import bad_request, conflict, not_found, precondition_failed
from localcloud.cosmos.patch import patched
from localcloud.cosmos.payload import checked_item, encoded


@dataclass(slots=True)
class Condition:
    """The ETag conditions of a call; ``*`` stands for any version."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, current: Document | None) -> None:
        """Raise a 412 unless a write may go ahead."""
        if self.if_match is not None and not _matches(self.if_match, current):
            raise precondition_failed()
        if self.if_none_match is not None and _matches(self.if_none_match, current):
            raise precondition_failed()

    def is_unchanged(self, current: Document) -> bool:
        """Whether a read may answer 304."""
        return self.if_none_match is not None and _matches(self.if_none_match, current)


@dataclass(slots=True)
class Outcome:
    """What one operation did: HTTP status, request units, and the document where there is one."""

    status: int
    charge: float
    document: Document | None = None


class Transaction:
    """Operations on one logical partition, staged until ``commit``.

    Every operation raises ``RefusedError`` and stages nothing when the service would refuse it.

    Args:
        container: where the items live.
        epk: effective partition key of all of them.
        key: the partition key value, which every written item has to carry; see ``owns``.
    """

    def __init__(self, container: Container, epk: bytes, key: PartitionKeyValue) -> None:
        self.range = container.range_of(epk)
        self._container = container
        self._epk = epk
        self._key = key
        self._staged: dict[str, Document | None] = {}

    def create(self, item: Any) -> Outcome:
        """Write an item that is not there yet; 409 otherwise."""
        item = self._own(item)
        if self._current(item["id"]) is not None:
            raise conflict(item["id"])
        return self._write(item, None)

    def upsert(self, item: Any, condition: Condition) -> Outcome:
        """Write an item whether it is there or not.

        An upsert of a missing item is a create and ignores its condition, at the service too
        (azure-cosmos-dotnet-v3 issue 1698): If-Match does not keep a deleted item deleted.
        """
        item = self._own(item)
        current = self._current(item["id"])
        if current is not None:
            condition.check(current)
        return self._write(item, current)

    def replace(self, identifier: str, item: Any, condition: Condition) -> Outcome:
        """Write an item that is there; 404 otherwise."""
        item = self._own(item)
        if item["id"] != identifier:
            raise bad_request("The id of the item differs from the id of the call")
        current = self._existing(identifier)
        condition.check(current)
        return self._write(item, current)

    def patch(self, identifier: str, body: Any, condition: Condition) -> Outcome:
        """Change parts of an item that is there; 404 otherwise, 412 where a predicate does not hold."""
        current = self._existing(identifier)
        condition.check(current)
        item = self._own(patched(current.body, body, self._container.key_paths))
        return self._write(item, current)

    def delete(self, identifier: str, condition: Condition) -> Outcome:
        """Take an item out; 404 where there is none."""
        current = self._existing(identifier)
        condition.check(current)
        self._staged[identifier] = None
        charge = write_charge(len(current.body), indexed=self._container.indexed, replaces=False)
        return Outcome(204, charge)

    def read(self, identifier: str, condition: Condition) -> Outcome:
        """Return an item; 404 where there is none, 304 where the caller has it."""
        current = self._existing(identifier)
        if condition.is_unchanged(current):
            return Outcome(304, 1.0, current)
        return Outcome(200, read_charge(len(current.body)), current)

    def commit(self) -> None:
        """Make the staged writes visible, all with one LSN."""
        if not self._staged:
            return
        self.range.lsn += 1
        written = []
        for identifier, document in self._staged.items():
            stored = self.range.get(self._epk, identifier)
            if stored is not None and (document is None or document.number != stored.number):
                self.range.remove(stored)
            if document is not None:
                written.append(document)
        for document in sorted(written, key=_number):
            self.range.put(document, self.range.get(self._epk, document.id))

    def _own(self, item: Any) -> dict[str, Any]:
        own = checked_item(item)
        if not _same_key(self._container.key_of(own), self._key):
            message = "PartitionKey extracted from document doesn't match the one specified"
            raise bad_request(message, 1001)
        return own

    def _current(self, identifier: str) -> Document | None:
        if identifier in self._staged:
            return self._staged[identifier]
        stored = self.range.get(self._epk, identifier)
        return stored if stored is not None and self._container.is_live(stored) else None

    def _existing(self, identifier: str) -> Document:
        current = self._current(identifier)
        if current is None:
            raise not_found(identifier)
        return current

    def _write(self, item: dict[str, Any], current: Document | None) -> Outcome:
        container = self._container
        if current is None:
            container.number += 1
        number = container.number if current is None else current.number
        version = container.next_version()
        ts = int(container.clock())
        body = splice_system_fields(encoded(item), container.rid, container.link, number, version, ts)
        document = Document(
            item["id"], self._epk, number, version, self.range.lsn + 1, ts, item.get("ttl"), body
        )
        self._staged[document.id] = document
        charge = write_charge(len(body), indexed=container.indexed, replaces=current is not None)
        return Outcome(201 if current is None else 200, charge, document)


def _number(document: Document) -> int:
    return document.number


def _matches(tag: str, current: Document | None) -> bool:
    if current is None:
        return False
    return tag == "*" or tag.strip('"') == current.etag.strip('"')


def _same_key(left: PartitionKeyValue, right: PartitionKeyValue) -> bool:
    return left == right and all(
        isinstance(one, bool) == isinstance(other, bool) for one, other in zip(left, right, strict=True)
    )
