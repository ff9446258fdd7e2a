"""Checksums as the headers of Blob Storage have them. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Literal

from connectors.wire.checksums import Digests


def md5_header(parts: Iterable[bytes]) -> str:
    """The parts' MD5 as ``Content-MD5`` has it."""
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(part)
    return base64.b64encode(digest.digest()).decode()


def crc64_header(hexadecimal: str) -> str:
    """A CRC-64/NVME as ``x-ms-content-crc64`` has it: the same polynomial, least significant byte first."""
    return base64.b64encode(bytes.fromhex(hexadecimal)[::-1]).decode()


def transfer_header(kind: Literal["crc64", "md5"], parts: Iterable[bytes]) -> dict[str, str]:
    """The header by which the service knows whether just these bytes have come."""
    if kind == "md5":
        return {"content-md5": md5_header(parts)}
    digests = Digests(["crc64nvme"])
    for part in parts:
        digests.update(part)
    return {"x-ms-content-crc64": crc64_header(digests.values()["crc64nvme"])}
