"""Objects for the contract checks: bodies whose every byte is known, odd names, and odd descriptions."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from replicator.connector import CHUNK_BYTES_MAX
from replicator.model.errors import ReplicatorError
from replicator.model.record import NOTHING, Object
from replicator.testing.expect import expect

MIB = 1024 * 1024

ODD_NAMES = (
    *("plain", "a/b", "a//b", "a/./b", "a/../b", ".", "..", "./a", "../a", "a/.", "dot.", "dot./x", "..."),
    *("/leading", "trailing/", "trailing//", " ", "a b", " a ", "a+b", "a%2Fb", "a%b", "%", "%2e%2e"),
    *("a?b", "a#b", "a&b=c", "a;b", "a:b", "a'b", 'a"b', "a<b>", "a\\b", "a|b", "a~b", "a*b", "a,b@c"),
    *("UPPER", "upper", "\u00e9", "e\u0301", "\u00df", "ss", "\u65e5\u672c", "\U0001f600", "\uff21"),
    *("a\tb", "a\nb", "a\r\nb", "\x01", "\x7f", "\u0085", "\u2028", "\ufeff"),
    *("x" * 1024, "x" * 1023 + "y", "\u00e9" * 512, "s/" * 512),
)
"""Names that systems have been known to change, to refuse or to take for one another; none is longer than
1,024 bytes in UTF-8, the most that S3 takes."""

HEADERS = {
    "content-type": "text/plain; charset=utf-8",
    "content-encoding": "gzip",
    "content-language": "de, en",
    "content-disposition": 'attachment; filename="a b.txt"',
    "cache-control": "max-age=60, must-revalidate",
    "expires": "Wed, 21 Oct 2026 07:28:00 GMT",
}
METADATA = {"plain": "value", "with-hyphen": "a, b", "1st": "x=y; z", "class": "100%"}
ODD_METADATA = {**METADATA, "text": "\u00e9 \u65e5\u672c", "words": "=?UTF-8?Q?=C3=A9?=", "empty": ""}
TAGS = {"plain": "value", "with space": "+-=._:/@", "\u00e9": "\u65e5\u672c & %", "empty": ""}


class Content(NamedTuple):
    """An object as a user of the system writes it."""

    data: bytes
    headers: Mapping[str, str] = NOTHING
    metadata: Mapping[str, str] = NOTHING
    tags: Mapping[str, str] = NOTHING

    def record(self, version: str, checksums: Mapping[str, str] = NOTHING) -> Object:
        """The object that this is, under a version."""
        return Object(
            len(self.data), version, self.headers, self.metadata, self.tags, checksums=dict(checksums)
        )


@dataclass
class GivenBody:
    """A body over bytes that are at hand, in chunks of at most ``chunk_bytes``.

    Attributes:
        error: raised in place of the bytes after ``fails_after``.
        taken: how many bytes have been read.
    """

    record: Object
    data: bytes
    chunk_bytes: int = CHUNK_BYTES_MAX
    fails_after: int | None = None
    error: ReplicatorError | None = None
    taken: int = field(default=0, init=False)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes, each chunk after others had their turn."""
        end = len(self.data) if self.fails_after is None else self.fails_after
        while self.taken < end:
            await asyncio.sleep(0)
            chunk = self.data[self.taken : min(self.taken + self.chunk_bytes, end)]
            self.taken += len(chunk)
            yield chunk
        if self.error is not None:
            raise self.error


def body_of(content: Content, version: str) -> GivenBody:
    """The content as a body to upload, with its true checksum."""
    return GivenBody(content.record(version, digests(content.data, ["md5"])), content.data)


def made(size: int, seed: object = 0) -> bytes:
    """So many bytes, the same for the same seed and others for another."""
    return hashlib.shake_128(repr(seed).encode()).digest(size)


def digests(data: bytes, algorithms: Collection[str]) -> dict[str, str]:
    """The true checksums of these bytes, for ``md5``, ``sha1``, ``sha256`` and ``crc32``."""
    return {
        name: f"{zlib.crc32(data):08x}"
        if name == "crc32"
        else hashlib.new(name, data, usedforsecurity=False).hexdigest()
        for name in algorithms
    }


def check_described(found: Object, content: Content, where: str) -> None:
    """The object says of itself exactly what was written, and no checksum that is not true.

    Where no type was written, a service may give one of its own (S3: ``binary/octet-stream``).
    """
    expect(found.size, len(content.data), f"the size {where}")
    headers = dict(found.headers)
    if "content-type" not in content.headers:
        headers.pop("content-type", None)
    expect(headers, dict(content.headers), f"the headers {where}")
    expect(dict(found.metadata), dict(content.metadata), f"the metadata {where}")
    expect(dict(found.tags), dict(content.tags), f"the tags {where}")
    known = {name: value for name, value in found.checksums.items() if name in _KNOWN}
    expect(known, digests(content.data, known), f"the checksums {where}")


_KNOWN = ("md5", "sha1", "sha256", "crc32")


@dataclass
class LargeBody:
    """A body of ``size`` bytes that is made as it is read.

    Attributes:
        stored: how many bytes of bodies the system has taken so far, where that is known.
        ahead_bytes: the most that was read and not yet taken by the system.
    """

    size: int
    stored: Callable[[], int] | None = None
    ahead_bytes: int = field(default=0, init=False)
    _md5: hashlib._Hash = field(init=False)

    @property
    def record(self) -> Object:
        """An object of this size, without a checksum."""
        return Object(self.size, "large")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes; no two chunks are equal."""
        self._md5 = hashlib.md5(usedforsecurity=False)
        pattern = made(CHUNK_BYTES_MAX)
        begun = self.stored() if self.stored else 0
        for start in range(0, self.size, CHUNK_BYTES_MAX):
            chunk = (start.to_bytes(8) + pattern[8:])[: self.size - start]
            self._md5.update(chunk)
            await asyncio.sleep(0)
            taken = self.stored() - begun if self.stored else start
            self.ahead_bytes = max(self.ahead_bytes, start + len(chunk) - taken)
            yield chunk

    def md5(self) -> str:
        """The checksum of what was read."""
        return self._md5.hexdigest()
