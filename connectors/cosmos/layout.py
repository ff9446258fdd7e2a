"""What the settings make of keys and items: where documents lie, and what they carry. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from connectors.cosmos import keys
from connectors.cosmos.codec import Encoded, encode
from connectors.cosmos.config import CosmosSinkSettings
from connectors.cosmos.expiry import Expiry
from connectors.cosmos.keys import Place
from replicator.model.key import Key
from replicator.model.record import Item


@dataclass(frozen=True, slots=True)
class Layout:
    """How one container is laid out.

    Attributes:
        hierarchical: whether ``/id`` is the second level of the partition key. Every document is then a
            logical partition of its own, and what shares a hash part may grow beyond 20 GB.
        ttl_attribute: by which attribute items expire; None where they do not.
    """

    hierarchical: bool = False
    ttl_attribute: str | None = None

    @classmethod
    def of(cls, settings: CosmosSinkSettings) -> Layout:
        """The layout that the settings name."""
        return cls(settings.partition_key_paths == keys.HIERARCHICAL_PATHS, settings.ttl_attribute)

    def place(self, key: Key) -> Place:
        """Where the document of a key lies; raises as ``keys.place`` does."""
        return keys.place(key, self._pk_bytes_max)

    def group(self, key: Key) -> Hashable:
        """Equal for keys of one hash part; raises as ``place`` does."""
        return keys.partition_of(key, self._pk_bytes_max)

    def partition_key(self, at: Place) -> str | list[str]:
        """The partition key value of a place, as the SDK takes it."""
        return [at.pk, at.id] if self.hierarchical else at.pk

    def document(self, item: Item, at: Place, now: float) -> Encoded:
        """The document of an item that is written at this time; raises as ``encode`` does."""
        expiry = None if self.ttl_attribute is None else Expiry(self.ttl_attribute, now)
        return encode(item, at, expiry)

    @property
    def _pk_bytes_max(self) -> int:
        return keys.FIRST_LEVEL_BYTES_MAX if self.hierarchical else keys.PARTITION_KEY_BYTES_MAX
