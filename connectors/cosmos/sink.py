"""The sink: writes a container, plainly, if absent, or on condition, and reads it back."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from urllib.parse import urlsplit

from connectors.cosmos import probe
from connectors.cosmos.batch import CREATE, SINGLES_MAX, UPSERT, Write, apply, write_of
from connectors.cosmos.client import CosmosContainer
from connectors.cosmos.codec import Document, decode
from connectors.cosmos.config import CosmosSinkSettings
from connectors.cosmos.errors import (
    CONFLICT,
    PRECONDITION_FAILED,
    RefusedError,
    is_absent,
    translate,
)
from connectors.cosmos.keys import Place
from connectors.cosmos.layout import Layout
from connectors.cosmos.sample import examine
from replicator.connector import Context, Finding
from replicator.model.change import Change, Page, Row
from replicator.model.errors import BatchError, ChangeError, PermanentError, ReplicatorError
from replicator.model.key import Key, key_text

BATCH_OPERATIONS_MAX = 100
"""Operations of one transactional batch (learn.microsoft.com/azure/cosmos-db/nosql/transactional-batch)."""


class CosmosSink:
    """A sink into one container, which belongs to its pipeline alone."""

    def __init__(self, settings: CosmosSinkSettings, context: Context) -> None:
        self._container = CosmosContainer(settings, context.call_seconds_max)
        self._settings = settings
        self._layout = Layout.of(settings)
        self._clock = context.clock

    async def connect(self) -> None:
        """Connect, and refuse a container whose definition would lose or refuse documents."""
        await self._container.open()
        try:
            definition = await self._container.definition()
        except RefusedError as error:
            raise translate(error.refusal) from error
        probe.require_sound(definition, self._settings)

    def group(self, key: Key) -> Hashable:
        """The hash part: a transactional batch holds one.

        A key that has no place is a group of its own, so that writing it names it.
        """
        try:
            return self._layout.group(key)
        except ChangeError:
            return key

    @property
    def batch_changes_max(self) -> int:
        """As many as one transactional batch takes."""
        return BATCH_OPERATIONS_MAX

    async def write(self, changes: Sequence[Change]) -> None:
        """Upsert and delete, in as few transactional batches as their size and the layout allow."""
        await self._apply(changes, UPSERT)

    async def insert(self, changes: Sequence[Change]) -> None:
        """Create what is absent."""
        await self._apply(changes, CREATE)

    async def write_if(self, change: Change, etag: str | None) -> bool:
        """Apply one change if the document has this ETag, or, with None, if there is none."""
        write = write_of(change, CREATE, self._layout, self._clock.wall())
        try:
            await self._send_if(write, etag)
        except RefusedError as error:
            if error.refusal.status in {CONFLICT, PRECONDITION_FAILED} or is_absent(error.refusal):
                return False
            raise translate(error.refusal, of_change=True) from error
        return write.document is not None or etag is not None or not await self.fetch([change.key])

    async def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """Documents as they are now, with their ETags: point reads, or the SDK's read-many.

        Where each document is a logical partition of its own, point reads cost less than such a query.
        """
        places = {key: self._layout.place(key) for key in keys}
        wanted = {at[:2]: key for key, at in places.items()}
        try:
            documents = await self._documents(list(places.values()))
        except RefusedError as error:
            raise translate(error.refusal) from error
        rows = {}
        for document in documents:
            row = _row(document)
            key = wanted[document["id"], document["pk"]]
            if row.key != key:
                raise PermanentError(
                    f"{key_text(key)} and {key_text(row.key)} have one place, {document['id']!r}"
                )
            rows[key] = row
        return rows

    async def pieces(self) -> Sequence[str]:
        """The ranges of the container's physical partitions."""
        try:
            return await self._container.ranges()
        except RefusedError as error:
            raise translate(error.refusal) from error

    async def scan(self, piece: str, cursor: str | None) -> Page:
        """A page of the documents of a range.

        Raises:
            PermanentError: there is a document that Replicator did not write.
        """
        documents, following = await self._page(piece, cursor, self._settings.page_rows)
        return Page([_row(document) for document in documents], following)

    async def identity(self) -> str:
        """Account, names, and the resource id, which a container that is made again does not keep."""
        try:
            definition = await self._container.definition()
        except RefusedError as error:
            raise translate(error.refusal) from error
        settings = self._settings
        host = urlsplit(settings.endpoint).netloc
        return f"{host}/{settings.database}/{settings.container} ({definition['_rid']})"

    async def is_empty(self) -> bool:
        """Whether there is no document at all, ours or not."""
        for piece in await self.pieces():
            documents, following = await self._page(piece, None, 1)
            while following is not None and not documents:
                documents, following = await self._page(piece, following, 1)
            if documents:
                return False
        return True

    async def probe(self) -> Sequence[Finding]:
        """Look at the account and the container, reading only."""
        return await probe.probe(self._container, self._settings)

    def examine(self, rows: Sequence[Row]) -> Sequence[Finding]:
        """What the documents of these records would be like."""
        return examine(rows, self._layout, self._clock.wall())

    async def close(self) -> None:
        """Release the connections."""
        await self._container.close()

    async def _apply(self, changes: Sequence[Change], verb: str) -> None:
        failures: dict[Key, ReplicatorError] = {}
        writes: list[Write] = []
        now = self._clock.wall()
        for change in changes:
            try:
                writes.append(write_of(change, verb, self._layout, now))
            except ReplicatorError as error:
                failures[change.key] = error
        failures |= await apply(self._container, writes, singly=self._layout.hierarchical)
        _raise(failures, len(changes))

    async def _send_if(self, write: Write, etag: str | None) -> None:
        if write.document is None:
            if etag is not None:
                await self._container.delete(write.at, etag)
        elif etag is None:
            await self._container.create(write.document)
        else:
            await self._container.replace(write.document, etag)

    async def _documents(self, places: Sequence[Place]) -> Sequence[Document]:
        if len(places) > 1 and not self._layout.hierarchical:
            return await self._container.read_many(places)
        found: list[Document] = []
        for start in range(0, len(places), SINGLES_MAX):
            reads = map(self._read, places[start : start + SINGLES_MAX])
            found += [document for document in await asyncio.gather(*reads) if document is not None]
        return found

    async def _read(self, at: Place) -> Document | None:
        try:
            return await self._container.read(at)
        except RefusedError as error:
            if is_absent(error.refusal):
                return None
            raise

    async def _page(
        self, piece: str, cursor: str | None, rows_max: int
    ) -> tuple[list[Document], str | None]:
        try:
            return await self._container.page(piece, cursor, rows_max)
        except RefusedError as error:
            raise translate(error.refusal) from error


def _row(document: Document) -> Row:
    key, item = decode(document)
    return Row(key, item, document.get("_etag"))


def _raise(failures: Mapping[Key, ReplicatorError], sent: int) -> None:
    """Raise what failed: one error where it is the error of all, else each by its key."""
    distinct = {id(error): error for error in failures.values()}
    if len(failures) == sent and len(distinct) == 1:
        raise next(iter(distinct.values()))
    if failures:
        raise BatchError(failures)
