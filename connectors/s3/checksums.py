"""Checksums of bodies: which of them an answer of the service vouches for, and computing them. Pure.

S3 gives checksums as base64 of their bytes, the most significant first; we write all of them as
hexadecimal digits. Which ones belong to the whole object: "Checking object integrity" in the user guide.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from awscrt import checksums as crt

_MD5 = re.compile(r"[0-9a-f]{32}")
_OTHER_ETAGS = ("aws:kms", "aws:kms:dsse")


class Running(Protocol):
    """A checksum while it is computed."""

    def update(self, data: bytes, /) -> None:
        """Go on with these bytes."""

    def hexdigest(self) -> str:
        """The checksum of all bytes so far."""


class _Crc:
    __slots__ = ("_compute", "_digits", "_value")

    def __init__(self, compute: Callable[[bytes, int], int], digits: int) -> None:
        self._compute, self._digits, self._value = compute, digits, 0

    def update(self, data: bytes, /) -> None:
        self._value = self._compute(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:0{self._digits}x}"


_ALGORITHMS: Mapping[str, Callable[[], Running]] = {
    "crc64nvme": lambda: _Crc(crt.crc64nvme, 16),
    "crc32c": lambda: _Crc(crt.crc32c, 8),
    "crc32": lambda: _Crc(crt.crc32, 8),
    "sha256": hashlib.sha256,
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "md5": lambda: hashlib.md5(usedforsecurity=False),
}
"""By name, the cheapest first."""

FROM_HEADERS = tuple(name for name in _ALGORITHMS if name != "md5")


def start(algorithms: Collection[str]) -> dict[str, Running]:
    """New checksums of these algorithms; names that are none of ours are left out."""
    return {name: _ALGORITHMS[name]() for name in algorithms if name in _ALGORITHMS}


def cheapest(checksums: Mapping[str, str]) -> str | None:
    """The algorithm of these that takes the least to compute."""
    return next((name for name in _ALGORITHMS if name in checksums), None)


def vouched(headers: Mapping[str, str]) -> dict[str, str]:
    """The checksums of the whole body that an answer with ``x-amz-checksum-mode: ENABLED`` gives.

    The ETag is the MD5 only of an object that was put in one part and is not encrypted with a key of the
    key service or of the customer. A composite checksum, ``base64-parts``, is not one of the whole body.
    """
    found = {}
    if headers.get("x-amz-checksum-type", "FULL_OBJECT") == "FULL_OBJECT":
        for name in FROM_HEADERS:
            value = headers.get(f"x-amz-checksum-{name}", "")
            if value and "-" not in value:
                found[name] = base64.b64decode(value).hex()
    etag = headers.get("etag", "").strip('"')
    if _MD5.fullmatch(etag) and not _is_encrypted_otherwise(headers):
        found["md5"] = etag
    return found


def _is_encrypted_otherwise(headers: Mapping[str, str]) -> bool:
    return (
        headers.get("x-amz-server-side-encryption") in _OTHER_ETAGS
        or "x-amz-server-side-encryption-customer-algorithm" in headers
    )
