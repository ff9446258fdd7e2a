"""The checksum that S3 gives every object which comes without one: CRC-64/NVME over the whole of it.

Known by ETag, which tells content from content; kept in memory, so that after a restart of the proxy
objects have none, as those have that were put before S3 began with it.
"""

from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field

from awscrt.checksums import combine_crc64nvme, crc64nvme

__all__ = ["Checksums", "Tap", "is_declared", "is_framed"]

_KNOWN_MAX = 200_000


@dataclass
class Tap:
    """The checksum of a body that streams past."""

    checksum: int = 0
    length: int = 0

    async def through(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the chunks of a body as they come."""
        async for chunk in chunks:
            self.checksum = crc64nvme(chunk, self.checksum)
            self.length += len(chunk)
            yield chunk

    @property
    def text(self) -> str:
        """The checksum as S3 writes it: base64, the highest byte first."""
        return b64encode(self.checksum.to_bytes(8, "big")).decode()


@dataclass
class Checksums:
    """The checksums of objects, by ETag without quotes, and of the parts of uploads that go on."""

    _known: dict[str, str] = field(default_factory=dict)
    _parts: dict[str, dict[int, Tap]] = field(default_factory=dict)

    def know(self, etag: str, tap: Tap) -> None:
        """Keep the checksum of an object."""
        self._known[etag.strip('"')] = tap.text
        while len(self._known) > _KNOWN_MAX:
            del self._known[next(iter(self._known))]

    def of(self, etag: str) -> str | None:
        """Return the checksum of an object, or None where it is not known."""
        return self._known.get(etag.strip('"'))

    def begin(self, upload_id: str) -> None:
        """Begin an upload in parts whose maker declared no checksum."""
        self._parts[upload_id] = {}

    def part(self, upload_id: str, number: int, tap: Tap) -> None:
        """Keep the checksum of a part."""
        if upload_id in self._parts:
            self._parts[upload_id][number] = tap

    def complete(self, upload_id: str, numbers: Iterable[int], etag: str) -> None:
        """Know the checksum of an object by those of its parts, where all of them are known.

        Their numbers tell their order, in whichever order a request names them.
        """
        parts = self._parts.pop(upload_id, {})
        whole, wanted = Tap(), sorted(numbers)
        if not wanted or not set(wanted) <= set(parts):
            return
        for part in (parts[number] for number in wanted):
            whole.checksum = combine_crc64nvme(whole.checksum, part.checksum, part.length)
        self.know(etag, whole)

    def abort(self, upload_id: str) -> None:
        """Forget an upload."""
        self._parts.pop(upload_id, None)


def is_declared(names: Iterable[str]) -> bool:
    """Tell whether headers carry or announce a checksum."""
    chosen = ("x-amz-checksum-", "x-amz-trailer", "x-amz-sdk-checksum-algorithm")
    return any(name.lower().startswith(chosen) for name in names)


def is_framed(headers: Mapping[str, str]) -> bool:
    """Tell whether a body comes in signed chunks, so that its bytes are not those of the object."""
    return (
        headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
        or "aws-chunked" in headers.get("Content-Encoding", "")
        or "x-amz-decoded-content-length" in headers
    )
