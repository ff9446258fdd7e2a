"""Records: the full state of one key, in neutral form.

There are three shapes of state. An ``Item`` is a row of a table, an ``Object`` a thing with a body that
is kept elsewhere, a ``Message`` one message of a queue. A pipeline carries one shape.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from replicator.model.errors import InvariantError
from replicator.model.values import Value, canonical, with_bytes, with_text

NOTHING: Mapping[str, str] = MappingProxyType({})


class Item(NamedTuple):
    """A row: attribute name to typed value (see ``values``), key attributes included."""

    attributes: Mapping[str, Value]


class Object(NamedTuple):
    """An object without its body.

    Attributes:
        size: of the body, in bytes.
        version: names the state of the source that this is: at the source, its own; at a sink, the one
            that was copied. Empty at a sink where nothing says so. A listing shows it, and it is not
            evidence of the body: whoever verifies compares checksums.
        headers: the content headers that were set, by lower-case name: ``content-type``,
            ``content-encoding``, ``content-language``, ``content-disposition``, ``cache-control`` and
            ``expires``, each exactly as it was given.
        metadata: the user's metadata, by lower-case name.
        tags: the user's tags.
        storage_class: the source's name of it; empty for its standard one.
        checksums: algorithm to the hexadecimal digest of the whole body: ``md5``, ``sha256``, ``sha1``,
            ``crc32``, ``crc32c`` or ``crc64nvme``, and only what was computed from the body's bytes, by
            the service that holds it or by us just now; never a value that was merely stored.
    """

    size: int
    version: str
    headers: Mapping[str, str] = NOTHING
    metadata: Mapping[str, str] = NOTHING
    tags: Mapping[str, str] = NOTHING
    storage_class: str = ""
    checksums: Mapping[str, str] = NOTHING


class Attribute(NamedTuple):
    """A message's attribute.

    ``type`` is ``String``, ``Number`` or ``Binary``, perhaps with a suffix of the user's (``Number.int``);
    the value is bytes for Binary and text otherwise, a number's included.
    Source: Amazon SQS API reference, MessageAttributeValue.
    """

    type: str
    value: str | bytes


class Message(NamedTuple):
    """One message of a queue.

    Attributes:
        id: the source's own id, unique within its queue.
        body: the text.
        attributes: the user's.
        group: messages of one group keep their order; None where the queue keeps none.
        deduplication_id: the id by which the source told messages apart, where it did.
        sent_at: when it was sent, in seconds since the epoch.
        expires_at: when the source would drop it, in seconds since the epoch; None where unknown.
        properties: what the source said of it and no sink can set, by the source's names: sender,
            sequence number, receive count, group id of a standard queue.
    """

    id: str
    body: str
    attributes: Mapping[str, Attribute]
    group: str | None = None
    deduplication_id: str | None = None
    sent_at: float = 0.0
    expires_at: float | None = None
    properties: Mapping[str, str] = NOTHING


Record = Item | Object | Message


def require_item(record: Record) -> Item:
    """The record, where the shape is that of a table.

    Raises:
        InvariantError: it is another; the ends of a pipeline are checked for their shape before it starts.
    """
    if not isinstance(record, Item):
        raise InvariantError(f"a {type(record).__name__} came where rows are carried")
    return record


def digest(record: Record) -> bytes:
    """A 16-byte digest by which two sides are compared: equal for equal records, whatever their order.

    Of an item, everything it means: numbers by value (``1.0`` is ``1``), sets without order. Of an
    object, what a listing shows: its size and its version. Of a message, everything.
    """
    if isinstance(record, Object):
        text = orjson.dumps([record.size, record.version])
    else:
        meaning = canonical({"M": record.attributes}) if isinstance(record, Item) else _plain(record)
        text = orjson.dumps(meaning, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).digest()


def describe_alike(one: Object, other: Object) -> bool:
    """Whether two objects say the same of themselves; their bodies are not compared."""
    return (one.size, one.headers, one.metadata, one.tags, one.storage_class) == (
        other.size,
        other.headers,
        other.metadata,
        other.tags,
        other.storage_class,
    )


def record_to_json(record: Record) -> bytes:
    """The record as JSON that ``record_from_json`` reads back exactly; binary is base64."""
    if isinstance(record, Item):
        return orjson.dumps({"item": with_text(record.attributes)})
    return orjson.dumps({"object" if isinstance(record, Object) else "message": _plain(record)})


def record_from_json(text: bytes | str) -> Record:
    """The record that ``record_to_json`` wrote."""
    ((shape, body),) = orjson.loads(text).items()
    if shape == "item":
        return Item(with_bytes(body))
    if shape == "object":
        return Object(**body)
    attributes = {name: _attribute(*parts) for name, parts in body.pop("attributes").items()}
    return Message(attributes=attributes, **body)


def _plain(record: Object | Message) -> dict[str, Any]:
    plain = {
        name: dict(value) if isinstance(value, Mapping) else value
        for name, value in record._asdict().items()
    }
    if isinstance(record, Message):
        plain["attributes"] = {name: _parts(each) for name, each in record.attributes.items()}
    return plain


def _parts(attribute: Attribute) -> list[str]:
    value = attribute.value
    if isinstance(value, bytes):
        return [attribute.type, base64.b64encode(value).decode(), "base64"]
    return [attribute.type, value]


def _attribute(kind: str, value: str, coding: str = "") -> Attribute:
    return Attribute(kind, base64.b64decode(value) if coding else value)
