"""The sink: makes, removes, reads back and checks the blobs of one container."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from connectors.blob import probe, sample
from connectors.blob.check import Checker
from connectors.blob.client import BlobContainer
from connectors.blob.codec import Blob, decode, decode_listed, encode, metadata_in
from connectors.blob.config import BlobSinkSettings
from connectors.blob.errors import RefusedError, is_absent, is_unmet, translate, translate_read
from connectors.blob.listing import Listed
from connectors.blob.names import blob_name
from connectors.blob.upload import Uploader
from replicator.connector import Body, Finding
from replicator.model.change import Page, Row
from replicator.model.errors import ChangeError, PermanentError
from replicator.model.key import Key, key_text
from replicator.model.record import Object

_PIECE = "blobs"  # List Blobs goes on only behind a marker of its own, so there is one piece


class BlobSink:
    """A sink into one container, which belongs to its pipeline alone."""

    def __init__(self, container: BlobContainer, settings: BlobSinkSettings) -> None:
        self._container = container
        self._settings = settings
        self._uploader = Uploader(container, settings)
        self._checker = Checker(container)

    async def connect(self) -> None:
        """Make ready, and refuse a container that is not there or cannot hold every name."""
        await self._container.open()
        await probe.require_sound(self._container)

    async def close(self) -> None:
        """Release the connections."""
        await self._container.close()

    async def upload(self, key: Key, body: Body, etag: str | None) -> bool:
        """Make this the object of the key, on condition of the blob's ETag or of its absence."""
        name = _name(key)
        headers = encode(
            str(key[0]), body.record, tiers=self._settings.tiers, blob_tags=self._settings.blob_tags
        )
        headers |= {"if-none-match": "*"} if etag is None else {"if-match": etag}
        try:
            await self._uploader.upload(name, body, headers)
        except RefusedError as error:
            if is_unmet(error.refusal):
                return False
            raise translate(error.refusal, of_change=True) from error
        return True

    async def remove(self, key: Key, etag: str) -> bool:
        """Delete the blob if it still has this ETag; True where nothing is there."""
        try:
            await self._container.delete(_name(key), etag)
        except RefusedError as error:
            if is_absent(error.refusal):
                return True
            if is_unmet(error.refusal):  # which Azurite also says of what is not there
                return await self._fetch(key) is None
            raise translate(error.refusal, of_change=True) from error
        return True

    async def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """The objects as they are now, complete, with their blobs' ETags."""
        rows = await asyncio.gather(*(self._fetch(key) for key in keys))
        return {row.key: row for row in rows if row is not None}

    async def check(self, key: Key, algorithms: Collection[str]) -> Row | None:
        """The object with these checksums, computed from the bytes of its blob."""
        name = _name(key)
        try:
            checked = await self._checker.check(name, algorithms)
            if checked is None:
                return None
            headers, digests = checked
            record = await self._object(key, name, headers, digests.size)
        except RefusedError as error:
            raise translate_read(error.refusal) from error
        return Row(key, record._replace(checksums=digests.values()), headers["etag"])

    async def pieces(self) -> Sequence[str]:
        """One piece, the whole container."""
        return [_PIECE]

    async def scan(self, piece: str, cursor: str | None) -> Page:  # noqa: ARG002 - there is one piece
        """A page of the listing: key, size, version and ETag.

        Raises:
            PermanentError: there is a blob whose name no key has.
        """
        listed, following = await self._page(cursor, self._settings.page_rows)
        return Page([_listed_row(each) for each in listed], following)

    async def is_empty(self) -> bool:
        """Whether there is no blob at all, ours or not."""
        listed, following = await self._page(None, 1)
        while following is not None and not listed:
            listed, following = await self._page(following, 1)
        return not listed

    async def identity(self) -> str:
        """Account and container; the service does not tell a container from one made again."""
        return f"{self._container.host}/{self._settings.container}"

    async def probe(self) -> Sequence[Finding]:
        """Look at the account and the container, changing nothing."""
        return await probe.probe(self._container, blob_tags=self._settings.blob_tags)

    def examine(self, rows: Sequence[Row]) -> Sequence[Finding]:
        """What blobs some of the source's objects would be."""
        return sample.examine(rows, blob_tags=self._settings.blob_tags)

    async def _fetch(self, key: Key) -> Row | None:
        name = _name(key)
        try:
            headers = await self._container.head(name)
            record = await self._object(key, name, headers, int(headers["content-length"]))
        except RefusedError as error:
            if is_absent(error.refusal):
                return None
            raise translate_read(error.refusal) from error
        return Row(key, record, headers["etag"])

    async def _object(self, key: Key, name: str, headers: Mapping[str, str], size: int) -> Object:
        tags = await self._container.tags(name) if int(headers.get("x-ms-tag-count", "0")) else {}
        found, record = decode(Blob(name, size, headers, metadata_in(headers), tags))
        if found is not None and found != key[0]:
            raise PermanentError(f"{key_text(key)} and {key_text((found,))} have one name, {name!r}")
        return record

    async def _page(self, cursor: str | None, rows_max: int) -> tuple[list[Listed], str | None]:
        try:
            return await self._container.page(cursor, rows_max)
        except RefusedError as error:
            raise translate_read(error.refusal) from error


def _name(key: Key) -> str:
    if len(key) != 1 or not isinstance(key[0], str):
        raise ChangeError(f"{key_text(key)} is not the key of an object, which is one text")
    return blob_name(key[0])


def _listed_row(listed: Listed) -> Row:
    key, record = decode_listed(listed.blob)
    if key is None:
        raise PermanentError(
            f"the container holds a blob that no object can have become, {listed.blob.name!r}",
            hint="remove it, or give the pipeline a container of its own",
        )
    return Row((key,), record, listed.etag)
