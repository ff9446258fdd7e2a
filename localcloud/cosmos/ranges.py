"""A physical range: the documents whose effective partition keys lie between two bounds."""

from collections.abc import Iterator

from localcloud.cosmos.document import Document
from localcloud.cosmos.sequence import Sequence


class PhysicalRange:
    """Documents of one range, by logical partition, by creation and by last write.

    Args:
        identifier: the id that the SDK sends back in ``x-ms-documentdb-partitionkeyrangeid``.
        lower: inclusive lower bound of effective partition keys.
        upper: exclusive upper bound.
        parents: the ids of those it came from by splitting, oldest first.
        version: of the container's set of ranges, since which it has been one of them.
    """

    def __init__(
        self, identifier: str, lower: bytes, upper: bytes, parents: tuple[str, ...] = (), version: int = 1
    ) -> None:
        self.identifier = identifier
        self.lower = lower
        self.upper = upper
        self.parents = parents
        self.version = version
        self.lsn = 1
        self.partitions: dict[bytes, dict[str, Document]] = {}
        self._by_creation = Sequence()
        self._by_write = Sequence()

    def __len__(self) -> int:
        return len(self._by_creation)

    @property
    def session_token(self) -> str:
        """``{range}:-1#{lsn}``: the SDK sends it back with reads."""
        return f"{self.identifier}:-1#{self.lsn}"

    def get(self, epk: bytes, identifier: str) -> Document | None:
        """Return the document of a logical partition by its id."""
        partition = self.partitions.get(epk)
        return None if partition is None else partition.get(identifier)

    def put(self, document: Document, old: Document | None) -> None:
        """Store a document, in place of ``old`` where there is one."""
        if old is None:
            self.partitions.setdefault(document.epk, {})[document.id] = document
            self._by_creation.append(document.number, document)
        else:
            self.partitions[document.epk][document.id] = document
            self._by_creation.replace(document.number, old, document)
            self._by_write.remove(old.lsn, old)
        self._by_write.append(document.lsn, document)

    def remove(self, document: Document) -> None:
        """Forget a document."""
        partition = self.partitions[document.epk]
        del partition[document.id]
        if not partition:
            del self.partitions[document.epk]
        self._by_creation.remove(document.number, document)
        self._by_write.remove(document.lsn, document)

    def split(self, identifiers: tuple[str, str], version: int) -> tuple["PhysicalRange", "PhysicalRange"]:
        """Return two ranges that hold what this one holds, cut where half of its logical partitions lie.

        Both go on with this one's LSN, so that a continuation of its change feed is one of theirs.

        Raises:
            ValueError: it has fewer than two logical partitions.
        """
        middle = sorted(self.partitions)[len(self.partitions) // 2] if len(self.partitions) > 1 else None
        if middle is None:
            raise ValueError(f"the range {self.identifier} holds nothing that could be cut in two")
        parents = (*self.parents, self.identifier)
        first = PhysicalRange(identifiers[0], self.lower, middle, parents, version)
        second = PhysicalRange(identifiers[1], middle, self.upper, parents, version)
        for child in (first, second):
            child.take_from(self)
        return first, second

    def take_from(self, parent: "PhysicalRange") -> None:
        """Take over the documents that lie within the own bounds, as they are."""
        self.lsn = parent.lsn
        for epk, documents in parent.partitions.items():
            if self.lower <= epk < self.upper:
                self.partitions[epk] = documents
        for document in parent.created_after(0):
            if document.epk in self.partitions:
                self._by_creation.append(document.number, document)
        for document in parent.written_after(0):
            if document.epk in self.partitions:
                self._by_write.append(document.lsn, document)

    def created_after(self, number: int) -> Iterator[Document]:
        """Yield documents in order of creation."""
        return self._by_creation.after(number)

    def written_after(self, lsn: int) -> Iterator[Document]:
        """Yield documents in order of their last write."""
        return self._by_write.after(lsn)
