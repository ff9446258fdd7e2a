"""How the bytes of a blob are read and what they add up to; they are never held."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from connectors.blob.client import BlobContainer
from connectors.blob.config import MEBIBYTE
from connectors.blob.errors import PRECONDITION_FAILED, RANGE_REFUSED, RefusedError, changed, is_absent
from connectors.wire.checksums import Digests

RANGE_BYTES = 8 * MEBIBYTE
"""What one call reads, so that it ends within the time of a call."""


class Checker:
    """Computes checksums of the blobs of one container."""

    def __init__(self, container: BlobContainer) -> None:
        self._container = container

    async def check(
        self, name: str, algorithms: Collection[str]
    ) -> tuple[Mapping[str, str], Digests] | None:
        """The blob's properties and the checksums of its bytes, of one version; None where there is none.

        Raises:
            TransientError: settled; ``changed`` where it was replaced meanwhile.
            RefusedError: the service refuses.
        """
        digests = Digests(algorithms)
        try:
            headers = await self._container.get(name, 0, RANGE_BYTES - 1, digests.update)
        except RefusedError as error:
            if is_absent(error.refusal):
                return None
            if error.refusal.status == RANGE_REFUSED:  # it has no bytes at all
                return await self._empty(name, digests)
            raise
        size = int(headers.get("content-range", f"/{digests.size}").rpartition("/")[2])
        while digests.size < size:
            await self._next(name, digests, headers["etag"])
        return headers, digests

    async def _next(self, name: str, digests: Digests, etag: str) -> None:
        first = digests.size
        try:
            await self._container.get(name, first, first + RANGE_BYTES - 1, digests.update, etag)
        except RefusedError as error:
            if is_absent(error.refusal) or error.refusal.status in {PRECONDITION_FAILED, RANGE_REFUSED}:
                raise changed("the blob was replaced while it was read") from error
            raise

    async def _empty(self, name: str, digests: Digests) -> tuple[Mapping[str, str], Digests] | None:
        try:
            headers = await self._container.head(name)
        except RefusedError as error:
            if is_absent(error.refusal):
                return None
            raise
        if headers["content-length"] != "0":
            raise changed("the blob was replaced while it was read")
        return headers, digests
