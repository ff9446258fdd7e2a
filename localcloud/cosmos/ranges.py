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
    """

    def __init__(self, identifier: str, lower: bytes, upper: bytes) -> None:
        self.identifier = identifier
        self.lower = lower
        self.upper = upper
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

    def created_after(self, number: int) -> Iterator[Document]:
        """Yield documents in order of creation."""
        return self._by_creation.after(number)

    def written_after(self, lsn: int) -> Iterator[Document]:
        """Yield documents in order of their last write."""
        return self._by_write.after(lsn)
