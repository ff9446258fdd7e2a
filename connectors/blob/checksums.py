"""Checksums as the headers of Blob Storage have them. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable


def md5_header(parts: Iterable[bytes]) -> str:
    """The parts' MD5 as ``Content-MD5`` has it."""
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(part)
    return base64.b64encode(digest.digest()).decode()


def crc64_header(hexadecimal: str) -> str:
    """A CRC-64/NVME as ``x-ms-content-crc64`` has it: the same polynomial, least significant byte first."""
    return base64.b64encode(bytes.fromhex(hexadecimal)[::-1]).decode()
