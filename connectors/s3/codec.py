"""The service's headers and listings -> neutral objects. Pure.

Sources: S3 API reference, GetObject and HeadObject; user guide, "Working with object metadata": values
outside of ASCII come encoded as RFC 2047 says, and what cannot be printed at all is only counted.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from connectors.s3 import checksums
from connectors.s3.answers import Listed
from connectors.s3.errors import cannot_carry
from replicator.model.change import Row
from replicator.model.errors import ChangeError
from replicator.model.key import Key, key_text
from replicator.model.record import Object

META = "x-amz-meta-"
_HEADERS = (
    "content-type",
    "content-encoding",
    "content-language",
    "content-disposition",
    "cache-control",
    "expires",
)
ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_WORD = re.compile(r"=\?([^?\s]+)\?([bBqQ])\?([^?\s]*)\?=")
_WORDS = re.compile(rf"(?:{_WORD.pattern}\s*)+")


def name_of(key: Key) -> str:
    """The object's key, as the service takes it, which itself refuses what is too long.

    Raises:
        ChangeError: no object can have this key.
    """
    match key:
        case (str(name),) if name:
            return name
    raise ChangeError(f"{key_text(key)} is no key of an object, which is one text and not empty")


def path_of(key: str) -> str:
    """A key as the path of a URL, exactly: no segment is left out, dots included."""
    return quote(key, safe="/~-._")


def version_of(etag: str, modified_seconds: float) -> str:
    """What names a state of an object, the same from a listing and from headers.

    Headers tell the time in whole seconds, so that of a listing is cut to them.
    """
    return f"{etag}@{int(modified_seconds)}"


def row_of(listed: Listed) -> Row:
    """A listed object: its size and its version, no more."""
    modified = datetime.fromisoformat(listed.modified).timestamp()
    return Row((listed.key,), Object(listed.size, version_of(listed.etag, modified)))


def object_of(key: str, headers: Mapping[str, str], tags: Mapping[str, str]) -> Object:
    """The object that an answer to GetObject or HeadObject describes; names of headers in lower case.

    Raises:
        ChangeError: the headers are not such as S3 gives.
    """
    try:
        return _object(headers, tags)
    except (KeyError, TypeError, ValueError) as error:
        raise cannot_carry(
            key, f"comes with headers that are not S3's: {error!r}", "See what lies before the service."
        ) from error


def _object(headers: Mapping[str, str], tags: Mapping[str, str]) -> Object:
    modified = parsedate_to_datetime(headers["last-modified"]).timestamp()
    storage_class = headers.get("x-amz-storage-class", "")
    return Object(
        size=int(headers["content-length"]),
        version=version_of(headers.get("etag", "").strip('"'), modified),
        headers=_content_headers(headers),
        metadata={
            name.removeprefix(META): plain_text(value)
            for name, value in headers.items()
            if name.startswith(META)
        },
        tags=tags,
        storage_class="" if storage_class == "STANDARD" else storage_class,
        checksums=checksums.vouched(headers),
    )


def tags_count(headers: Mapping[str, str]) -> int | None:
    """How many tags the object has; None where the answer does not say, as it does not of none."""
    count = headers.get("x-amz-tagging-count")
    return None if count is None else int(count)


def obstacle(key: str, headers: Mapping[str, str]) -> ChangeError | None:
    """What of the object no copy can hold, if there is anything."""
    missing = headers.get("x-amz-missing-meta", "0")
    if missing != "0":
        return cannot_carry(
            key,
            f"has {missing} metadata entries that the service cannot show",
            "Replace the object's metadata by printable text, then replay the dead letter.",
        )
    if "x-amz-website-redirect-location" in headers:
        return cannot_carry(
            key,
            "is a website redirect",
            "Configure the redirect at the target by hand, and waive the dead letter.",
        )
    if "x-amz-object-lock-mode" in headers or headers.get("x-amz-object-lock-legal-hold") == "ON":
        return cannot_carry(
            key,
            "is under object lock, which a copy would not be",
            "Set an immutability policy at the target by hand, and waive the dead letter.",
        )
    return archived(key, headers.get("x-amz-storage-class", "")) if _is_archived(headers) else None


def archived(key: str, storage_class: str) -> ChangeError:
    """The object is in an archive, from where it cannot be read."""
    return cannot_carry(
        key,
        f"is archived ({storage_class or 'in an archive tier'})",
        "Restore the object first (s3:RestoreObject), then replay the dead letter.",
    )


def customer_key(key: str) -> ChangeError:
    """The object is encrypted with a key that its owner did not leave with the service."""
    return cannot_carry(
        key,
        "is encrypted with a customer-provided key (SSE-C)",
        "Copy the object onto itself under another encryption, then replay the dead letter.",
    )


def plain_text(value: str) -> str:
    """A metadata value whose encoded words are decoded; one that is not made of them stays as it is."""
    if not value.startswith("=?") or _WORDS.fullmatch(value.strip()) is None:
        return value
    try:
        return "".join(_word(*found) for found in _WORD.findall(value))
    except (LookupError, ValueError, binascii.Error):
        return value


def _word(charset: str, coding: str, text: str) -> str:
    raw = (
        base64.b64decode(text, validate=True)
        if coding in "bB"
        else quopri.decodestring(text.replace("_", " "), header=False)
    )
    return raw.decode(charset)


def _content_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """As they are, ``aws-chunked`` of an SDK's way of sending included, so that a sink can keep it."""
    return {name: headers[name] for name in _HEADERS if name in headers}


def _is_archived(headers: Mapping[str, str]) -> bool:
    if 'ongoing-request="false"' in headers.get("x-amz-restore", ""):
        return False
    return headers.get("x-amz-storage-class") in ARCHIVES or "x-amz-archive-status" in headers
