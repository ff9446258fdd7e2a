"""Items to Cosmos DB documents and back, without loss; format 1, frozen by golden files.

An ordinary item is an ordinary document: its attributes under their own names as plain JSON, so that
queries read ``c.customer.name`` and nothing has to be learned. Three top-level properties are ours:
``id`` and ``pk`` (``keys``), and ``replicator``, which holds what JSON alone does not tell (a fourth,
``ttl``, is written where ``expiry`` says so, and never read):

=====  ==================================================================================
``v``  the format version, 1
``t``  where a value needs a tag: a tree of property names and list indices, with the tags
       ``N`` ``B`` ``SS`` ``NS`` ``BS`` as leaves; left out where no value needs one
``k``  the forms of the key's parts, where a hash stands for one of them (``keys``)
=====  ==================================================================================

Numbers are JSON numbers only where the decimal survives the IEEE double that Cosmos DB makes of it
(learn.microsoft.com/azure/cosmos-db/concepts-limits), and whole ones only up to 2**53, beyond which
readers that parse integers exactly see other digits than were written; else they are tagged strings.
Binary is tagged base64, sets are tagged arrays.

A top-level attribute that is named like one of ours or of the service's gets one more underscore in
front: ``id`` is stored as ``_id``, and an attribute that is itself named ``_id`` as ``__id``.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from operator import methodcaller
from typing import Any, NamedTuple

import orjson

from connectors.cosmos.expiry import Expiry
from connectors.cosmos.keys import Place, key_at
from replicator.model.errors import ChangeError, PermanentError
from replicator.model.key import Key, number_text
from replicator.model.record import Item
from replicator.model.values import Value

FORMAT_VERSION = 1

DOCUMENT_BYTES_MAX = 2 * 1024 * 1024 - 1024
"""UTF-8 bytes of a document's JSON: 2 MB by the service, less room for its own properties."""

DEPTH_MAX = 100
"""Levels of nesting; the service takes 128, and the tags nest two deeper than the values."""

META = "replicator"

_PLAIN_STEMS = frozenset({"id", "pk", "ttl", META})
_SYSTEM_STEMS = frozenset({"rid", "self", "etag", "ts", "attachments", "lsn"})
_STEMS = _PLAIN_STEMS | _SYSTEM_STEMS
_stem = methodcaller("lstrip", "_")
_NOT_ATTRIBUTES = _PLAIN_STEMS | {f"_{stem}" for stem in _SYSTEM_STEMS}
_META_PLAIN = {"v": FORMAT_VERSION}
_AS_IS = {"S": str, "BOOL": bool}
_PLAIN_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_EXACT_DIGITS = 15  # every decimal of so many digits survives a double (DBL_DIG, IEEE 754)
_EXACT_INTEGER = 2**53

Tags = str | dict[str, Any] | None
Document = dict[str, Any]


class Encoded(NamedTuple):
    """A document, and the UTF-8 bytes of its JSON."""

    document: Document
    size_bytes: int


def encode(item: Item, at: Place, expiry: Expiry | None = None) -> Encoded:
    """The document of an item at its place; it carries a time to live where an ``expiry`` finds one.

    Raises:
        ChangeError: the item cannot be a document: too large, too deep, or not valid.
    """
    try:
        body, tags = _encode_map(item.attributes, 1)
        document = _with_property_names(body)
        document["id"] = at.id
        document["pk"] = at.pk
        document[META] = _meta(at, tags)
        if expiry is not None and (left := expiry.seconds_left(item)) is not None:
            document["ttl"] = left
        size = len(orjson.dumps(document))
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        raise ChangeError(f"the item cannot be written as JSON: {error}") from error
    if size > DOCUMENT_BYTES_MAX:
        raise ChangeError(
            f"the document has {size} bytes, more than {DOCUMENT_BYTES_MAX}",
            hint="Cosmos DB takes documents of up to 2 MB of JSON; shorten the item at the source",
        )
    return Encoded(document, size)


def decode(document: Mapping[str, Any]) -> tuple[Key, Item]:
    """The key and the item of a document that ``encode`` made.

    Raises:
        PermanentError: the document is not one of ours, or was changed so that it cannot be read.
    """
    meta = _own_meta(document)
    tags = meta.get("t", {})
    try:
        key = key_at(document["id"], document["pk"], meta.get("k"))
        attributes = {
            _attribute(name): _decode(value, tags.get(name))
            for name, value in document.items()
            if name not in _NOT_ATTRIBUTES
        }
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        raise PermanentError(
            f"the document {document.get('id')!r} cannot be read back: {error}",
            hint="something other than Replicator changed it; delete it, or copy it again by a backfill",
        ) from error
    return key, Item(attributes)


def _own_meta(document: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = document.get(META)
    version = meta.get("v") if isinstance(meta, dict) else None
    if version == FORMAT_VERSION and isinstance(meta, dict):
        return meta
    if isinstance(version, int):
        raise PermanentError(
            f"the document {document.get('id')!r} has the format {version}",
            hint="it was written by a newer Replicator; use that version",
        )
    raise PermanentError(
        f"the document {document.get('id')!r} was not written by Replicator",
        hint="give each pipeline a container of its own, or remove the documents that are not from it",
    )


def _meta(at: Place, tags: Tags) -> dict[str, Any]:
    if tags is None and at.forms is None:
        return _META_PLAIN
    meta: dict[str, Any] = {"v": FORMAT_VERSION}
    if isinstance(tags, dict):
        meta["t"] = {_property(name): tag for name, tag in tags.items()}
    if at.forms is not None:
        meta["k"] = list(at.forms)
    return meta


def _with_property_names(body: dict[str, Any]) -> Document:
    if _STEMS.isdisjoint(map(_stem, body)):
        return body
    return {_property(name): value for name, value in body.items()}


def _property(name: str) -> str:
    return f"_{name}" if _is_reserved(name) else name


def _attribute(name: str) -> str:
    return name[1:] if name[:1] == "_" and _is_reserved(name[1:]) else name


def _is_reserved(name: str) -> bool:
    stem = _stem(name)
    return stem in _STEMS and (stem in _PLAIN_STEMS or stem != name)


def _encode_map(attributes: Mapping[str, Value], depth: int) -> tuple[dict[str, Any], Tags]:
    _require_depth(depth)
    body: dict[str, Any] = {}
    tags: dict[str, Any] = {}
    for name, value in attributes.items():
        ((kind, inner),) = value.items()
        if type(inner) is _AS_IS.get(kind):
            body[name] = inner
            continue
        body[name], tag = _ENCODERS[kind](inner, depth + 1)
        if tag is not None:
            tags[name] = tag
    return body, tags or None


def _encode_list(values: list[Value], depth: int) -> tuple[list[Any], Tags]:
    # The loop of _encode_map once more: it is the hottest of the sink, and a call per value would show.
    _require_depth(depth)
    body: list[Any] = []
    tags: dict[str, Any] = {}
    for value in _list_of(values):
        ((kind, inner),) = value.items()
        if type(inner) is _AS_IS.get(kind):
            body.append(inner)
            continue
        plain, tag = _ENCODERS[kind](inner, depth + 1)
        if tag is not None:
            tags[str(len(body))] = tag
        body.append(plain)
    return body, tags or None


def _require_depth(depth: int) -> None:
    if depth > DEPTH_MAX:
        raise ValueError(f"it nests deeper than {DEPTH_MAX} levels")


def _encode_number(text: str, _depth: int) -> tuple[Any, Tags]:
    if len(text) <= _EXACT_DIGITS and text.isdecimal():
        return int(text), None
    number = float(text)
    if not _survives(text, number) or abs(number) > _EXACT_INTEGER:
        return text, "N"
    return int(number) if number.is_integer() else number, None


def _survives(text: str, number: float) -> bool:
    """Whether the double is read back as this decimal."""
    if len(text) <= _EXACT_DIGITS and _PLAIN_DECIMAL.fullmatch(text):
        return True
    decimal = Decimal(text)
    if not decimal.is_finite():
        raise ValueError(f"{text} is not a number")
    return math.isfinite(number) and Decimal(repr(number)) == decimal


def _encode_null(true: object, _depth: int) -> tuple[None, Tags]:
    if true is not True:
        raise ValueError(f"a NULL is {true!r}")
    return None, None


def _encode_binary(binary: bytes, _depth: int) -> tuple[str, Tags]:
    return base64.b64encode(binary).decode(), "B"


def _encode_texts(texts: list[str], _depth: int) -> tuple[list[str], Tags]:
    if not all(isinstance(text, str) for text in _list_of(texts)):
        raise TypeError("a set of texts holds something else")
    return list(texts), "SS"


def _encode_numbers(texts: list[str], _depth: int) -> tuple[list[Any], Tags]:
    return [_encode_number(text, 0)[0] for text in _list_of(texts)], "NS"


def _encode_binaries(binaries: list[bytes], _depth: int) -> tuple[list[str], Tags]:
    return [base64.b64encode(binary).decode() for binary in _list_of(binaries)], "BS"


def _list_of(values: list[Any]) -> list[Any]:
    """The values, unless they are a text, which would be taken for its characters."""
    if not isinstance(values, list):
        raise TypeError(f"a {type(values).__name__} stands where a list belongs")
    return values


_ENCODERS: dict[str, Callable[[Any, int], tuple[Any, Tags]]] = {
    "N": _encode_number,
    "L": _encode_list,
    "M": _encode_map,
    "NULL": _encode_null,
    "B": _encode_binary,
    "SS": _encode_texts,
    "NS": _encode_numbers,
    "BS": _encode_binaries,
}


def _decode(value: Any, tags: Tags) -> Value:
    if isinstance(tags, str):
        return {tags: _TAGGED[tags](value)}
    if isinstance(value, str):
        return {"S": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, dict):
        inner = tags or {}
        return {"M": {name: _decode(each, inner.get(name)) for name, each in value.items()}}
    if isinstance(value, list):
        inner = tags or {}
        return {"L": [_decode(each, inner.get(str(index))) for index, each in enumerate(value)]}
    return {"N": _number_of(value)}


def _number_of(value: float | str) -> str:
    """The text of a stored number; whatever digits the service printed, the double they stand for."""
    if isinstance(value, str):
        return number_text(Decimal(value))
    if isinstance(value, int) and abs(value) <= _EXACT_INTEGER:
        return str(value)
    return number_text(Decimal(repr(float(value))))


def _binary_of(value: str) -> bytes:
    return base64.b64decode(value, validate=True)


_TAGGED: dict[str, Callable[[Any], Any]] = {
    "N": _number_of,
    "B": _binary_of,
    "SS": list,
    "NS": lambda values: [_number_of(value) for value in values],
    "BS": lambda values: [_binary_of(value) for value in values],
}
