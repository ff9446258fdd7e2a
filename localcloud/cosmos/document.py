"""One stored item: its encoded bytes and the little that the service has to know beside them."""

import base64
import struct
from dataclasses import dataclass


def resource_id(*parts: bytes) -> str:
    """Return the ``_rid`` made of the owner's bytes and one's own, in the service's base64."""
    return base64.b64encode(b"".join(parts), b"+-").decode()


@dataclass(slots=True, eq=False)
class Document:
    """An item at one version.

    Attributes:
        id: the item's id.
        epk: effective partition key; shared by the items of one logical partition.
        number: order of creation in its container; kept by later versions.
        version: unique in the account; the ETag is made of it.
        lsn: order of the last write in its physical range; a batch shares one.
        ts: time of the last write, in seconds since the epoch.
        ttl: the item's own time to live, in seconds; None where it has none.
        body: the whole item as it is read back, system fields included.
    """

    id: str
    epk: bytes
    number: int
    version: int
    lsn: int
    ts: int
    ttl: int | None
    body: bytes

    @property
    def etag(self) -> str:
        """The ETag, with its quotes."""
        return make_etag(self.version, self.ts)

    def expires_at(self, default_ttl: int | None) -> float:
        """Return when the item expires under the container's default, infinity for never.

        A container without a default (None) ignores the items' own; -1 stands for never.
        """
        if default_ttl is None:
            return float("inf")
        ttl = default_ttl if self.ttl is None else self.ttl
        return float("inf") if ttl == -1 else self.ts + ttl

    def with_lsn(self) -> bytes:
        """Return the body as the change feed shows it, with ``_lsn``."""
        return b'%b,"_lsn":%d}' % (self.body[:-1], self.lsn)


def make_etag(version: int, ts: int) -> str:
    """Return an ETag of the service's look that never repeats in an account."""
    return f'"{version:08x}-0000-0000-0000-{ts:08x}0000"'


def splice_system_fields(
    own: bytes, container_rid: bytes, container_link: str, number: int, version: int, ts: int
) -> bytes:
    """Return an encoded item with its system fields appended, without parsing it.

    Args:
        own: the item's own properties as a JSON object; it has at least ``id``.
        container_rid: the container's resource id, as bytes.
        container_link: ``dbs/{rid}/colls/{rid}/``.
        number: order of creation in its container.
        version: what the ETag is made of.
        ts: time of the write, in seconds.
    """
    rid = resource_id(container_rid, struct.pack("<Q", number))
    etag = make_etag(version, ts)[1:-1]
    fields = (
        f',"_rid":"{rid}","_self":"{container_link}docs/{rid}/","_etag":"\\"{etag}\\"",'
        f'"_attachments":"attachments/","_ts":{ts}}}'
    )
    return own[:-1] + fields.encode()
