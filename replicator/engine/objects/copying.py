"""Copying: make the sink's object of a key what the source's is now. Runs inside the key's lane.

Look at the sink's ETag, then open the source, then upload on condition of that ETag, and start over where
the sink has changed. Events only say that a key is worth a look, so their order, delay and repetition do
not matter: whichever comes last, what it finds is the present state.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from replicator.connector import Body
from replicator.engine.lanes import RESTORE, ROW
from replicator.engine.parts import ObjectSink, ObjectSource
from replicator.model.change import Change, Row
from replicator.model.errors import ChangeError, InvariantError, TransientError
from replicator.model.key import Key
from replicator.model.record import Object, Record, describe_alike, digest

LOOKS_MAX = 8
"""How often one call starts over before it is repeated with back-off."""


@dataclass(frozen=True)
class Copy:
    """Copy the keys by their state; the changes matter only by their keys.

    With ``force`` an object is uploaded even where the sink seems to have it, which is how a verification
    repairs a body.
    """

    source: ObjectSource
    sink: ObjectSink
    force: bool = False
    name: str = "copy"
    rank: int = RESTORE
    by_state: bool = True

    async def perform(self, changes: Sequence[Change]) -> None:
        """Copy one key after the other; raises as ``Uploads.upload`` does."""
        for change in changes:
            await copy(self.source, self.sink, change.key, force=self.force)


@dataclass(frozen=True)
class CopyRow:
    """Copy what a listing of the source showed, unless the sink has that version already.

    With ``absent`` the sink was proved empty, so the first attempt looks at nothing there.
    """

    source: ObjectSource
    sink: ObjectSink
    absent: bool
    name: str = "row"
    rank: int = ROW
    by_state: bool = True

    async def perform(self, changes: Sequence[Change]) -> None:
        """Copy one row after the other; raises as ``Uploads.upload`` does."""
        for change in changes:
            if self.absent and await self._create(change.key):
                continue
            found = await _look(self.sink, change.key)
            if found is None or change.record is None or digest(found.record) != digest(change.record):
                await _copy(self.source, self.sink, change.key, found=found, looked=True)

    async def _create(self, key: Key) -> bool:
        async with self.source.download(key) as body:
            return body is None or await _upload(self.sink, key, body, None)


@dataclass(frozen=True)
class OneByOne:
    """A carrier for delivery: every object has a call of its own."""

    sink: ObjectSink
    batch_changes_max: int = 1

    async def connect(self) -> None:
        """Make the sink ready for writing."""
        await self.sink.connect()

    def group(self, _key: Key) -> Hashable:
        """All stand in one queue."""
        return ()


async def copy(source: ObjectSource, sink: ObjectSink, key: Key, *, force: bool = False) -> None:
    """Make the sink's object what the source's is.

    What is refused unread is refused twice, the source's record being read in between: the error holds
    that one, so it is never about something newer than what was tried.

    Raises:
        TransientError: the sink's object keeps changing, or as the ends raise it.
        ChangeError: the object cannot be carried; with its record, unless the source has none.
    """
    try:
        return await _copy(source, sink, key, force=force)
    except ChangeError as error:
        if error.record is not None:
            raise
    in_source = (await source.fetch([key])).get(key)
    try:
        await _copy(source, sink, key, force=force)
    except ChangeError as error:
        if error.record is None and in_source is not None:
            error.record = in_source.record
        raise


async def _copy(
    source: ObjectSource,
    sink: ObjectSink,
    key: Key,
    *,
    force: bool = False,
    found: Row | None = None,
    looked: bool = False,
) -> None:
    """Try until the object holds still; ``found`` is what was just seen at the sink, if ``looked``."""
    for _ in range(LOOKS_MAX):
        if not looked:
            found = await _look(sink, key)
        if await _bring(source, sink, key, found, force=force):
            return
        looked = False
    raise TransientError("the sink's object keeps changing", settled=True, reason="contended")


async def _bring(
    source: ObjectSource, sink: ObjectSink, key: Key, found: Row | None, *, force: bool
) -> bool:
    """Whether the sink now has what the source has; False where it changed under our hands."""
    async with source.download(key) as body:
        if body is None:
            return found is None or await sink.remove(key, _etag(found))
        if found is not None and not force and is_copy(body.record, found.record):
            return True
        return await _upload(sink, key, body, None if found is None else _etag(found))


async def _upload(sink: ObjectSink, key: Key, body: Body, etag: str | None) -> bool:
    """As the sink does it; a refusal says what was refused."""
    try:
        return await sink.upload(key, body, etag)
    except ChangeError as error:
        error.record = body.record
        raise


def is_copy(wanted: Record, found: Record) -> bool:
    """Whether what the sink says of its object is what the source says of its own, the version included."""
    if not (isinstance(wanted, Object) and isinstance(found, Object)):
        return False
    return wanted.version == found.version and describe_alike(wanted, found)


async def _look(sink: ObjectSink, key: Key) -> Row | None:
    return (await sink.fetch([key])).get(key)


def _etag(found: Row) -> str:
    if found.etag is None:
        raise InvariantError("a sink of objects gave a record without an ETag")
    return found.etag
