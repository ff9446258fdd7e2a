"""Objects and blobs: what a blob carries in its own fields, and what only our metadata entry keeps.

A blob holds as its own whatever it can hold exactly, readable by everybody: content headers, metadata whose
names and values Azure allows, tags that it allows, an access tier. Everything else, and always the key
and the source's version, stands in one metadata entry ``replicator``: base64url without padding of a JSON
object, or, where that would be too long, ``z`` and base64url of the same compressed by zlib. It has

- ``v``: 1, the version of this form (golden files hold it fast);
- ``key`` and ``version``: of the object;
- ``headers``, ``metadata``, ``tags``: what the blob's own fields do not hold exactly; a ``content-type`` of
  null where the object had none, because every blob has one;
- ``class``: the storage class, where it was not the standard one.

What is in a blob's own fields is read from there, so that whatever others change there is seen.

Azure's limits: names of metadata are C# identifiers, 8 KB of metadata altogether
(learn.microsoft.com/rest/api/storageservices/setting-and-retrieving-properties-and-metadata-for-blob-resources);
tags hold letters, digits, spaces and ``+ - . : = _ /`` (…/rest/api/storageservices/set-blob-tags).
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote_plus

import orjson

from connectors.blob.names import blob_name, key_of_name
from replicator.model.errors import ChangeError
from replicator.model.record import NOTHING, Object

ENTRY = "replicator"
METADATA_BYTES_MAX = 8 * 1024
TAGS_MAX = 10
PLAIN_METADATA_MAX = 64
"""Metadata in the blob's own fields; of more, all is in our entry: clients may take 100 headers at most."""

_VERSION = 1
_COMPRESSED = "z"  # base64 of a JSON object begins with an e
_ENTRY_BYTES_MAX = 64 * 1024  # of what is compressed; S3 allows 2 KB of metadata, 1 KB of key and 10 tags
_META = "x-ms-meta-"
_HEADERS = {
    "content-type": "x-ms-blob-content-type",
    "content-encoding": "x-ms-blob-content-encoding",
    "content-language": "x-ms-blob-content-language",
    "content-disposition": "x-ms-blob-content-disposition",
    "cache-control": "x-ms-blob-cache-control",
}
_CONTENT_TYPE = "application/octet-stream"  # what the service puts where none is given
_TIERS = {"STANDARD_IA": "Cool", "ONEZONE_IA": "Cool", "GLACIER_IR": "Cold"}

# Runs of spaces are folded where requests are signed, and spaces at the ends are trimmed by HTTP.
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")
_TAG = re.compile(r"[A-Za-z0-9+\-.:=_/]+(?: +[A-Za-z0-9+\-.:=_/]+)*")
# Ours; what marks a directory for Azure's tools; and words that are no identifiers in C#.
_KEPT_BACK = frozenset(
    {ENTRY, "hdi_isfolder"}
    | set(
        re.findall(
            r"\w+",
            """
            abstract as base bool break byte case catch char checked class const continue decimal default
            delegate do double else enum event explicit extern false finally fixed float for foreach goto if
            implicit in int interface internal is lock long namespace new null object operator out override
            params private protected public readonly ref return sbyte sealed short sizeof stackalloc static
            string struct switch this throw true try typeof uint ulong unchecked unsafe ushort using virtual
            void volatile while
            """,
        )
    )
)


class Blob(NamedTuple):
    """A blob as the service shows it; ``headers`` and ``metadata`` by lower-case name."""

    name: str
    size: int
    headers: Mapping[str, str] = NOTHING
    metadata: Mapping[str, str] = NOTHING
    tags: Mapping[str, str] = NOTHING


def encode(key: str, record: Object, *, tiers: bool = True, blob_tags: bool = True) -> dict[str, str]:
    """The request headers that make a blob this object, without tiers or blob tags where these are off.

    Raises:
        ChangeError: it does not fit into what a blob may carry.
    """
    headers = {
        _HEADERS[name]: shown
        for name, value in record.headers.items()
        if (shown := _shown(name, value)) is not None
    }
    metadata = {name: value for name, value in record.metadata.items() if _is_plain(name, value)}
    if len(metadata) > PLAIN_METADATA_MAX:
        metadata = {}
    tags = {name: value for name, value in record.tags.items() if blob_tags and _is_tag(name, value)}
    if len(tags) > TAGS_MAX:
        tags = {}
    metadata[ENTRY] = _text_of(_entry(key, record, metadata, tags), metadata)
    headers |= {f"{_META}{name}": value for name, value in metadata.items()}
    if tags:
        headers["x-ms-tags"] = "&".join(f"{quote_plus(n)}={quote_plus(v)}" for n, v in tags.items())
    if tiers and record.storage_class in _TIERS:
        headers["x-ms-access-tier"] = _TIERS[record.storage_class]
    return headers


def decode(blob: Blob) -> tuple[str | None, Object]:
    """The object that a blob is, and its key; None where no key has its name."""
    entry = _entry_of(blob)
    headers = {name: value for name in _HEADERS if (value := blob.headers.get(name))}
    for name, value in entry.get("headers", {}).items():
        if headers.get(name) == _shown_or_default(name, value):  # else somebody has set another one since
            headers.pop(name, None)
            headers |= {} if value is None else {name: value}
    metadata = {name: value for name, value in blob.metadata.items() if name != ENTRY or not entry}
    return _key(blob, entry), Object(
        size=blob.size,
        version=entry.get("version", ""),
        headers=headers,
        metadata=metadata | entry.get("metadata", {}),
        tags={**entry.get("tags", {}), **blob.tags},
        storage_class=entry.get("class", ""),
    )


def decode_listed(blob: Blob) -> tuple[str | None, Object]:
    """Key, size and version of a blob, which is all that a listing is asked for."""
    entry = _entry_of(blob)
    return _key(blob, entry), Object(blob.size, entry.get("version", ""))


def metadata_in(headers: Mapping[str, str]) -> dict[str, str]:
    """The metadata among the headers of an answer, by lower-case name."""
    start = len(_META)
    return {name[start:].lower(): value for name, value in headers.items() if name[:start].lower() == _META}


def _entry(
    key: str, record: Object, metadata: Mapping[str, str], tags: Mapping[str, str]
) -> dict[str, Any]:
    entry: dict[str, Any] = {"v": _VERSION, "key": key, "version": record.version}
    parts: dict[str, Mapping[str, str | None]] = {
        "headers": _odd_headers(record.headers),
        "metadata": {name: value for name, value in record.metadata.items() if name not in metadata},
        "tags": {name: value for name, value in record.tags.items() if name not in tags},
    }
    entry |= {name: part for name, part in parts.items() if part}
    if record.storage_class:
        entry["class"] = record.storage_class
    return entry


def _text_of(entry: Mapping[str, Any], beside: Mapping[str, str]) -> str:
    """The entry as text, compressed where it would not fit beside the other metadata."""
    taken = len(ENTRY) + sum(len(name) + len(value) for name, value in beside.items())
    try:
        written = orjson.dumps(entry)
    except TypeError as error:
        raise ChangeError(f"the object's description cannot be written as UTF-8: {error}") from error
    text = _base64(written)
    if taken + len(text) > METADATA_BYTES_MAX:
        text = _COMPRESSED + _base64(zlib.compress(written, 9))
    if taken + len(text) > METADATA_BYTES_MAX:
        raise ChangeError(
            f"the object's description takes {taken + len(text)} bytes of metadata; "
            f"Azure allows {METADATA_BYTES_MAX}",
            hint="shorten the object's tags, metadata or key at the source",
        )
    return text


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _written(text: str) -> bytes:
    """The JSON in the text of an entry."""
    plain = text.removeprefix(_COMPRESSED)
    data = base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
    return data if plain == text else zlib.decompressobj().decompress(data, _ENTRY_BYTES_MAX)


def _entry_of(blob: Blob) -> dict[str, Any]:
    """Our entry; empty where there is none about this very blob, such as at a copy of one of ours."""
    text = blob.metadata.get(ENTRY)
    if text is None:
        return {}
    try:
        entry = orjson.loads(_written(text))
        sound = entry["v"] == _VERSION and blob_name(entry["key"]) == blob.name
    except (ValueError, TypeError, KeyError, zlib.error, ChangeError):
        return {}
    return entry if sound else {}


def _key(blob: Blob, entry: Mapping[str, Any]) -> str | None:
    key: str | None = entry.get("key")
    return key if key is not None else key_of_name(blob.name)


def _odd_headers(headers: Mapping[str, str]) -> dict[str, str | None]:
    """The headers that a blob's own fields do not show as they were."""
    odd: dict[str, str | None] = {
        name: value for name, value in headers.items() if _shown(name, value) != value
    }
    if "content-type" not in headers:
        odd["content-type"] = None
    return odd


def _shown(name: str, value: str) -> str | None:
    """What the blob's own field says of a header; None where it says nothing.

    ``aws-chunked`` is a transfer coding of S3 uploads that some clients leave in Content-Encoding.
    """
    if name == "content-encoding":
        codings = [coding.strip() for coding in value.split(",")]
        others = [coding for coding in codings if coding.lower() != "aws-chunked"]
        if others != codings:
            value = ",".join(others)
    return value if name in _HEADERS and _PLAIN.fullmatch(value) else None


def _shown_or_default(name: str, value: str | None) -> str | None:
    shown = None if value is None else _shown(name, value)
    return _CONTENT_TYPE if shown is None and name == "content-type" else shown


def _is_plain(name: str, value: str) -> bool:
    return (
        _IDENTIFIER.fullmatch(name) is not None
        and name not in _KEPT_BACK
        and _PLAIN.fullmatch(value) is not None
    )


def _is_tag(name: str, value: str) -> bool:
    return (
        len(name) <= 128
        and len(value) <= 256
        and _TAG.fullmatch(name) is not None
        and (not value or _TAG.fullmatch(value) is not None)
    )
