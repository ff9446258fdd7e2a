"""The contracts of objects and messages notice what is wrong: a planted fault fails the check about it."""

import asyncio
import unicodedata
from contextlib import asynccontextmanager

import pytest

from connectors.memory import (
    MarkedMemoryMessageSource,
    MarkedMemoryObjectSource,
    MemoryBucket,
    MemoryBus,
    MemoryMessageSink,
    MemoryObjectSink,
    MemoryObjectStore,
    MemoryQueue,
    MemorySinkSettings,
    MemorySourceSettings,
)
from replicator.model.change import Change, Kind, Page
from replicator.model.errors import BatchError, ChangeError
from replicator.model.record import record_from_json
from replicator.testing import (
    message_sink_contract,
    message_source_contract,
    object_sink_contract,
    object_source_contract,
)
from replicator.testing.bodies import MIB, GivenBody
from replicator.testing.message_sink_contract import Landed

PATIENCE_SECONDS = 0.5


# Faults of a source of objects.


class Forgetful(MarkedMemoryObjectSource):
    """Deletes an event as soon as it was delivered."""

    async def read(self):
        batch = await super().read()
        await self.commit({batch.partition: batch.position})
        return batch


class Sweeping(MarkedMemoryObjectSource):
    """Deletes everything at a commit, whatever its positions."""

    async def commit(self, positions):
        if self._hand is not None:
            await super().commit(dict.fromkeys(positions, self._hand.position))


class Hoarding(MarkedMemoryObjectSource):
    """Deletes nothing at a commit."""

    async def commit(self, positions):
        """Does nothing."""


class Impatient(MarkedMemoryObjectSource):
    """Takes a batch before its last await, so that cancelling loses it."""

    async def read(self):
        batch = await super().read()
        await asyncio.sleep(0.003)
        return batch


class Telling(MarkedMemoryObjectSource):
    """Shows its marks to everybody as changes."""

    def _hint_of(self, received, hand):
        hint = super()._hint_of(received, hand)
        return hint or Change(Kind.DIRTY, ("mark",), None, received.message.sent_at)


class Normalising(MarkedMemoryObjectSource):
    """Takes names for one that Unicode calls equivalent."""

    async def fetch(self, keys):
        return await super().fetch([(unicodedata.normalize("NFC", key[0]),) for key in keys])


class Skipping(MarkedMemoryObjectSource):
    """Loses the last row of every page that is not the last."""

    async def scan(self, piece, cursor):
        page = await super().scan(piece, cursor)
        return Page(page.rows[:-1], page.cursor) if page.cursor else page


class Timeless(MarkedMemoryObjectSource):
    """Calls every state by its size alone."""

    async def fetch(self, keys):
        rows = await super().fetch(keys)
        return {key: row._replace(record=row.record._replace(version="v")) for key, row in rows.items()}


class Torn(MarkedMemoryObjectSource):
    """Reads each chunk of whatever is there at that time."""

    @asynccontextmanager
    async def download(self, key):
        async with super().download(key) as body:
            if body is not None:
                body = _TornBody(body.record, self._bucket, key[0])
            yield body


class _TornBody:
    def __init__(self, record, bucket, name):
        self.record, self._bucket, self._name = record, bucket, name

    async def chunks(self):
        for start in range(0, self.record.size, MIB):
            await asyncio.sleep(0)
            yield self._bucket.objects.get(self._name).body[start : start + MIB]


class Plain(MarkedMemoryObjectSource):
    """Leaves out the tags."""

    @asynccontextmanager
    async def download(self, key):
        async with super().download(key) as body:
            if body is not None:
                body.record = body.record._replace(tags={})
            yield body


class Believing(MarkedMemoryObjectSource):
    """Answers a check with what it remembers."""

    async def check(self, key, algorithms):
        row = await super().check(key, algorithms)
        return row and row._replace(
            record=row.record._replace(checksums=dict.fromkeys(algorithms, "0" * 32))
        )


class Silent(MarkedMemoryObjectSource):
    """Never proves that it was read."""

    async def read(self):
        batch = await super().read()
        return type(batch)(batch.partition, batch.changes, batch.position, None, marks=batch.marks)


async def object_source(kind):
    """The harness over a bucket whose source has a fault."""
    bucket = MemoryBucket(events=MemoryQueue(visibility_seconds=0.3))
    settings = MemorySourceSettings(bucket="b", poll_seconds=0.01, page_changes_max=3, page_rows_max=3)

    async def open_source():
        return kind(bucket, settings)

    async def put(name, content):
        bucket.put(name, content.data, content.headers, content.metadata, content.tags)

    async def delete(name):
        bucket.delete(name)

    return object_source_contract.ObjectSourceHarness(
        open_source, put, delete, patience_seconds=PATIENCE_SECONDS
    )


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (Forgetful, object_source_contract.hints_not_committed_come_again),
        (Sweeping, object_source_contract.committed_hints_are_forgotten),
        (Hoarding, object_source_contract.committed_hints_are_forgotten),
        (Impatient, object_source_contract.a_cancelled_read_loses_nothing),
        (Telling, object_source_contract.a_mark_comes_out),
        (Normalising, object_source_contract.names_are_exact),
        (Skipping, object_source_contract.a_scan_covers_everything_once),
        (Timeless, object_source_contract.another_state_is_told_apart),
        (Timeless, object_source_contract.a_download_is_exact),
        (Torn, object_source_contract.versions_are_never_mixed),
        (Plain, object_source_contract.a_download_is_exact),
        (Believing, object_source_contract.checksums_are_computed),
        (Silent, object_source_contract.an_idle_source_proves_that_it_was_read),
    ],
    ids=lambda each: each.__name__,
)
async def test_object_source(kind, check):
    """A source with this fault breaks the promise."""
    with pytest.raises(AssertionError):
        await check(await object_source(kind))


# Faults of a sink of objects.


class Overwriting(MemoryObjectSink):
    """Takes None for whatever is there."""

    async def upload(self, key, body, etag):
        held = self._store.objects.get(key[0])
        return await super().upload(key, body, held.etag if etag is None and held else etag)


class Trusting(MemoryObjectSink):
    """Commits whatever came."""

    async def upload(self, key, body, etag):
        record = body.record._replace(checksums={})
        data = b"".join([chunk async for chunk in body.chunks()])
        return await super().upload(key, GivenBody(record._replace(size=len(data)), data), etag)


class Eager(MemoryObjectSink):
    """Reads the whole body before it stores any of it."""

    async def upload(self, key, body, etag):
        data = b"".join([chunk async for chunk in body.chunks()])
        return await super().upload(key, GivenBody(body.record, data), etag)


class Early(MemoryObjectSink):
    """Makes an empty object first, to have its place."""

    async def upload(self, key, body, etag):
        if not await super().upload(key, GivenBody(body.record._replace(size=0, checksums={}), b""), etag):
            return False
        return await super().upload(key, body, self._store.objects.get(key[0]).etag)


class Mixing(MemoryObjectSink):
    """Gives the blocks of all attempts the same ids, and looks at no condition while it stages."""

    async def upload(self, key, body, etag):
        self._store.new_attempt = lambda: 1
        return await super().upload(key, body, etag)


class Hashing(MemoryObjectSink):
    """Has ETags that say what the content is."""

    async def fetch(self, keys):
        rows = await super().fetch(keys)
        return {key: row._replace(etag=f'"{row.record.size}"') for key, row in rows.items()}


class Careless(MemoryObjectSink):
    """Removes without looking."""

    async def remove(self, key, etag):
        return self._store.objects.remove(key[0]) or True


class Lowering(MemoryObjectSink):
    """Cannot hold a metadata name with a hyphen."""

    async def fetch(self, keys):
        rows = await super().fetch(keys)
        return {key: row._replace(record=_lowered(row.record)) for key, row in rows.items()}


def _lowered(record):
    metadata = {name.replace("-", "_"): value for name, value in record.metadata.items()}
    return record._replace(metadata=metadata)


class Folding(MemoryObjectSink):
    """Takes names for one that differ by slashes only."""

    async def upload(self, key, body, etag):
        return await super().upload((key[0].replace("//", "/"),), body, etag)


class Counting(MemoryObjectSink):
    """Takes what is staged for an object."""

    async def is_empty(self):
        return not self._store.staged_bytes


async def object_sink(kind):
    """The harness over a store whose sink has a fault."""
    store = MemoryObjectStore()
    settings = MemorySinkSettings(storage="s", page_rows_max=3, block_bytes=MIB)

    async def open_sink():
        return kind(store, settings)

    return object_sink_contract.ObjectSinkHarness(
        open_sink, held_bytes_max=4 * MIB, large_bytes=16 * MIB, stored_bytes=lambda: store.staged_bytes
    )


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (Overwriting, object_sink_contract.an_upload_obeys_its_condition),
        (Trusting, object_sink_contract.a_body_that_is_not_what_it_says_changes_nothing),
        (Eager, object_sink_contract.a_large_body_is_streamed),
        (Early, object_sink_contract.a_body_that_fails_changes_nothing),
        (Mixing, object_sink_contract.uploads_of_a_key_never_mix),
        (Hashing, object_sink_contract.every_upload_changes_the_etag),
        (Careless, object_sink_contract.removing_obeys_its_condition),
        (Lowering, object_sink_contract.an_upload_is_exact),
        (Folding, object_sink_contract.names_are_exact),
        (Counting, object_sink_contract.a_body_that_fails_changes_nothing),
        (Counting, object_sink_contract.emptiness_is_proved),
    ],
    ids=lambda each: each.__name__,
)
async def test_object_sink(kind, check):
    """A sink with this fault breaks the promise."""
    with pytest.raises(AssertionError):
        await check(await object_sink(kind))


# Faults of a source of messages.


class Deleting(MarkedMemoryMessageSource):
    """Deletes a message as soon as it was delivered."""

    async def read(self):
        batch = await super().read()
        await self.commit({batch.partition: batch.position})
        return batch


class Everything(MarkedMemoryMessageSource):
    """Deletes all that is in hand, whatever the positions."""

    async def commit(self, positions):
        if self._hand is not None:
            await super().commit(dict.fromkeys(positions, self._hand.position))


class LettingGo(MarkedMemoryMessageSource):
    """Lets what is in hand show again."""

    async def connect(self, positions):
        start = await super().connect(positions)
        self._hand._keeping.cancel()
        self._hand._keeping = asyncio.get_running_loop().create_future()
        return start


class Fetching(MarkedMemoryMessageSource):
    """Begins to take at once when it is connected."""

    async def connect(self, positions):
        start = await super().connect(positions)
        self._hand.take(100)
        return start


class Untyped(MarkedMemoryMessageSource):
    """Knows attributes as text only."""

    async def read(self):
        batch = await super().read()
        for change in batch.changes:
            attributes = change.record.attributes
            for name, each in attributes.items():
                attributes[name] = each._replace(value=str(each.value))
        return batch


class Backwards(MarkedMemoryMessageSource):
    """Delivers a batch in another order."""

    async def read(self):
        batch = await super().read()
        batch.changes.reverse()
        return batch


async def message_source(kind):
    """The harness over a FIFO queue whose source has a fault."""
    queue = MemoryQueue(visibility_seconds=0.3, fifo=True)
    settings = MemorySourceSettings(queue="q", poll_seconds=0.01, page_changes_max=3)

    async def open_source():
        return kind(queue, settings)

    async def send(body, attributes, group):
        queue.send(body, attributes, group)

    async def count():
        return sum(queue.counts())

    return message_source_contract.MessageSourceHarness(
        open_source, send, count, fifo=True, visibility_seconds=0.3, patience_seconds=PATIENCE_SECONDS
    )


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (Deleting, message_source_contract.a_message_is_deleted_by_the_commit),
        (Deleting, message_source_contract.what_was_not_committed_comes_again),
        (Everything, message_source_contract.a_commit_deletes_no_more),
        (LettingGo, message_source_contract.what_is_in_hand_stays_hidden),
        (Fetching, message_source_contract.connecting_takes_nothing),
        (Untyped, message_source_contract.a_message_comes_exactly),
        (Backwards, message_source_contract.a_group_keeps_its_order),
    ],
    ids=lambda each: each.__name__,
)
async def test_message_source(kind, check):
    """A source with this fault breaks the promise."""
    with pytest.raises(AssertionError):
        await check(await message_source(kind))


# Faults of a sink of messages.


class Passing(MemoryMessageSink):
    """Sends what comes behind a refused message."""

    async def write(self, changes):
        failures = {}
        for change in changes:
            try:
                await super().write([change])
            except ChangeError as error:
                failures[change.key] = error
        if failures:
            raise BatchError(failures)


class Blaming(MemoryMessageSink):
    """Calls everything refused that did not land."""

    async def write(self, changes):
        try:
            await super().write(changes)
        except BatchError as error:
            raise BatchError(dict.fromkeys(error.failures, ChangeError("refused"))) from error


class Renaming(MemoryMessageSink):
    """Sends every time under another id."""

    async def write(self, changes):
        self.sent = getattr(self, "sent", 0) + 1
        await super().write(
            [
                change._replace(record=change.record._replace(id=f"{id(self)}-{self.sent}"))
                for change in changes
            ]
        )


class ByContent(MemoryMessageSink):
    """Takes messages of the same content for one."""

    async def write(self, changes):
        await super().write(
            [change._replace(record=change.record._replace(id=change.record.body)) for change in changes]
        )


class Leaving(MemoryMessageSink):
    """Tries by sending."""

    async def try_write(self):
        await self.write([message_sink_contract.MessageSinkHarness(None, None, True).message(99)])


class Ungrouped(MemoryMessageSink):
    """Puts all messages into one group."""

    async def write(self, changes):
        await super().write(
            [change._replace(record=change.record._replace(group="g")) for change in changes]
        )


async def message_sink(kind):
    """The harness over a bus with sessions whose sink has a fault."""
    bus = MemoryBus(sessions=True, message_bytes_max=1000)

    async def open_sink():
        return kind(bus, MemorySinkSettings(bus="b", batch_changes_max=10))

    async def contents():
        return [Landed(each.session, record_from_json(each.body).body) for each in bus.messages]

    def refused(message):
        return message._replace(body="x" * 1000)

    return message_sink_contract.MessageSinkHarness(open_sink, contents, True, refused)


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (Passing, message_sink_contract.a_refused_message_is_named_exactly),
        (Blaming, message_sink_contract.a_refused_message_is_named_exactly),
        (Renaming, message_sink_contract.the_same_message_again_is_dropped),
        (ByContent, message_sink_contract.equal_messages_are_not_duplicates),
        (Leaving, message_sink_contract.trying_leaves_nothing),
        (Ungrouped, message_sink_contract.a_message_keeps_its_group),
    ],
    ids=lambda each: each.__name__,
)
async def test_message_sink(kind, check):
    """A sink with this fault breaks the promise."""
    with pytest.raises(AssertionError):
        await check(await message_sink(kind))
