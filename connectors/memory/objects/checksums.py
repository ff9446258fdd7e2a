"""Checksums that are computed as a body passes by."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Mapping

ALGORITHMS = ("md5", "sha1", "sha256", "crc32")
"""Those that the standard library has; a body is not checked for others."""


class Checksums:
    """The checksums of the bytes so far."""

    def __init__(self, algorithms: Collection[str]) -> None:
        self._hashes = {
            name: hashlib.new(name, usedforsecurity=False)
            for name in algorithms
            if name in ALGORITHMS and name != "crc32"
        }
        self._crc32 = 0 if "crc32" in algorithms else None
        self.size = 0

    def update(self, data: bytes) -> None:
        """Take some more bytes."""
        self.size += len(data)
        for each in self._hashes.values():
            each.update(data)
        if self._crc32 is not None:
            self._crc32 = zlib.crc32(data, self._crc32)

    def digests(self) -> dict[str, str]:
        """Algorithm to hexadecimal digest."""
        found = {name: each.hexdigest() for name, each in self._hashes.items()}
        return found if self._crc32 is None else {**found, "crc32": f"{self._crc32:08x}"}

    def fit(self, size: int, checksums: Mapping[str, str]) -> bool:
        """Whether the bytes are as many, and none of the checksums denies that they are these."""
        found = self.digests()
        return self.size == size and all(
            found[name] == checksums[name] for name in found if name in checksums
        )


def checksums_of(data: bytes, algorithms: Collection[str]) -> dict[str, str]:
    """The checksums of these bytes."""
    found = Checksums(algorithms)
    found.update(data)
    return found.digests()
