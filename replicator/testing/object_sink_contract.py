"""The promises of a sink of objects, as checks for any connector that has one.

Each check takes an ``ObjectSinkHarness`` over a system that is empty at its start. A check of an ability
that the sink does not have passes; whether it should have it is for the connector's own tests. A broken
promise raises AssertionError with its words.
"""

from __future__ import annotations

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from replicator.connector import (
    CHUNK_BYTES_MAX,
    FETCH_KEYS_MAX,
    Body,
    Checks,
    Emptiness,
    Reads,
    Removes,
    Scans,
    Sink,
    Uploads,
)
from replicator.model.change import Row
from replicator.model.errors import ChangeError, ReplicatorError, TransientError
from replicator.model.key import Key
from replicator.model.record import Object
from replicator.testing.bodies import (
    HEADERS,
    MIB,
    ODD_METADATA,
    ODD_NAMES,
    TAGS,
    Content,
    GivenBody,
    LargeBody,
    body_of,
    check_described,
    digests,
    made,
)
from replicator.testing.expect import check_coverage, expect, expect_that
from replicator.testing.reading import check_figures, check_probe


class ObjectSink(Sink, Uploads, Removes, Reads, Scans, Checks, Protocol):
    """What every sink of objects has."""


@dataclass(frozen=True)
class ObjectSinkHarness:
    """What a check needs of the system under test.

    Attributes:
        open_sink: a new, unconnected sink into the system.
        names: the odd names that the system under test can hold; a true sink holds all.
        metadata, tags: what it can be given to hold; a true sink holds all.
        algorithms: the checksums that ``check`` is asked for.
        refused: the key and body of an object that the sink refuses for good; None where there is none.
        large_bytes, held_bytes_max: the size of a large body, and how much of it may be in memory at once.
        stored_bytes: how many bytes of bodies the system has taken so far; None where it lives in another
            process, so that the memory of this one can be measured instead.
    """

    open_sink: Callable[[], Awaitable[ObjectSink]]
    names: Sequence[str] = ODD_NAMES
    metadata: Mapping[str, str] = field(default_factory=lambda: ODD_METADATA)
    tags: Mapping[str, str] = field(default_factory=lambda: TAGS)
    algorithms: Collection[str] = ("md5", "sha256")
    refused: Callable[[], tuple[Key, Body]] | None = None
    large_bytes: int = 64 * MIB
    held_bytes_max: int = 32 * MIB
    stored_bytes: Callable[[], int] | None = None

    def content(self, data: bytes) -> Content:
        """An object with everything that it can have."""
        return Content(data, HEADERS, self.metadata, self.tags)


Check = Callable[[ObjectSinkHarness], Awaitable[None]]

SIZES = (0, 1, CHUNK_BYTES_MAX, CHUNK_BYTES_MAX + 1, 9 * MIB + 17)
KEY = ("object",)
OLD, NEW = Content(b"old"), Content(made(3 * MIB, "new"))


async def an_upload_is_exact(harness: ObjectSinkHarness) -> None:
    """An object of any size is there for everyone when ``upload`` returns: its bytes, and what it says."""
    contents = {f"size-{size}": harness.content(made(size, size)) for size in SIZES}
    async with _connected(harness) as sink:
        for name, content in contents.items():
            await _create(sink, name, content)
    async with _connected(harness) as other:
        for name, content in contents.items():
            await _expect_held(harness, other, name, content)


async def names_are_exact(harness: ObjectSinkHarness) -> None:
    """Every name is one of its own, in uploads, scans, fetches and checks alike."""
    contents = {name: Content(name.encode()) for name in harness.names}
    async with _connected(harness) as sink:
        for name, content in contents.items():
            await _create(sink, name, content)
        rows = await check_coverage(sink, {(name,) for name in contents})
        for name, content in contents.items():
            await _expect_held(harness, sink, name, content)
            listed = _object(rows[name,])
            expect(
                (listed.size, listed.version), (len(content.data), _version(name)), f"listed of {name!r}"
            )
        for number, name in enumerate(contents):
            await _remove(sink, name)
            expect(len(await sink.fetch([(name,)])), 0, f"{name!r} can be removed")
            if number % 25 == 0:
                await check_coverage(sink, {(left,) for left in list(contents)[number + 1 :]})


async def a_scan_covers_everything_once(harness: ObjectSinkHarness) -> None:
    """The pieces together are the whole, can be resumed from every cursor, and tell size and version."""
    async with _connected(harness) as sink:
        await check_coverage(sink, ())
        names = [f"dir-{number % 3}/{number}" for number in range(30)]
        for name in names:
            await _create(sink, name, Content(name.encode()))
        rows = await check_coverage(sink, {(name,) for name in names})
        for name in names:
            listed = _object(rows[name,])
            expect((listed.size, listed.version), (len(name), _version(name)), f"listed of {name!r}")


async def an_upload_obeys_its_condition(harness: ObjectSinkHarness) -> None:
    """With None an upload creates only; with an ETag it replaces only what has it; else nothing changes."""
    async with _connected(harness) as sink:
        body = body_of(NEW, "new")
        expect(await sink.upload(KEY, body, '"0x0"'), expected=False, promise="no ETag fits what is absent")
        await _expect_absent(sink)
        await _create(sink, KEY[0], OLD)
        first = await _etag(sink)
        expect(await sink.upload(KEY, body_of(NEW, "new"), None), expected=False, promise="it is there")
        await _expect_held(harness, sink, KEY[0], OLD)
        expect(
            await sink.upload(KEY, body_of(NEW, "new"), first), expected=True, promise="a true ETag holds"
        )
        expect(await sink.upload(KEY, body_of(OLD, "old"), first), expected=False, promise="an old one not")
        await _expect_held(harness, sink, KEY[0], NEW, "new")
        await _remove(sink, KEY[0])
        expect(
            await sink.upload(KEY, body_of(OLD, "old"), first), expected=False, promise="nor once removed"
        )
        await _expect_absent(sink)


async def removing_obeys_its_condition(harness: ObjectSinkHarness) -> None:
    """Only what still has the ETag is removed; where nothing is, there is nothing to do."""
    async with _connected(harness) as sink:
        await _create(sink, KEY[0], OLD)
        old = await _etag(sink)
        expect(await sink.upload(KEY, body_of(NEW, "new"), old), expected=True, promise="a true ETag holds")
        expect(await sink.remove(KEY, old), expected=False, promise="an old ETag removes nothing")
        await _expect_held(harness, sink, KEY[0], NEW, "new")
        expect(await sink.remove(KEY, await _etag(sink)), expected=True, promise="a true one removes")
        await _expect_absent(sink)
        expect(await sink.remove(KEY, old), expected=True, promise="removing what is absent succeeds")


async def every_upload_changes_the_etag(harness: ObjectSinkHarness) -> None:
    """The same object uploaded again, over itself or after it was removed, has another ETag."""
    async with _connected(harness) as sink:
        await _create(sink, KEY[0], OLD)
        first = await _etag(sink)
        expect(await sink.upload(KEY, body_of(OLD, "same"), first), expected=True, promise="over itself")
        second = await _etag(sink)
        await _remove(sink, KEY[0])
        await _create(sink, KEY[0], OLD)
        expect(len({first, second, await _etag(sink)}), 3, "ETags of three uploads")


async def a_body_that_fails_changes_nothing(harness: ObjectSinkHarness) -> None:
    """What a body raises comes through, nothing of it is seen, and the next attempt is whole."""
    async with _connected(harness) as sink:
        for before in (None, OLD):
            if before is not None:
                await _create(sink, KEY[0], before)
            etag = None if before is None else await _etag(sink)
            for fails_after in (0, 1, 2 * MIB + 1, 9 * MIB):
                error = TransientError("the body stops", settled=True, reason="changed")
                body = body_of(Content(made(9 * MIB + 1)), "never")
                body.fails_after, body.error = fails_after, error
                raised = await _raised(sink.upload(KEY, body, etag))
                expect_that(raised is error, f"what a body raises comes through, found {raised!r}")
                await _expect_unchanged(harness, sink, before)
        expect(await sink.upload(KEY, body_of(NEW, "new"), etag), expected=True, promise="the next attempt")
        await _expect_held(harness, sink, KEY[0], NEW, "new")


async def a_body_that_is_not_what_it_says_changes_nothing(harness: ObjectSinkHarness) -> None:
    """Bytes that are too few, too many, or not those of the record's checksum never become visible."""
    true = body_of(Content(made(2 * MIB)), "never")
    wrong = dict(true.record.checksums, md5="0" * 32)
    async with _connected(harness) as sink:
        for before in (None, OLD):
            if before is not None:
                await _create(sink, KEY[0], before)
            etag = None if before is None else await _etag(sink)
            for record in (
                true.record._replace(checksums=wrong),
                true.record._replace(size=true.record.size + 1, checksums={}),
                true.record._replace(size=true.record.size - 1, checksums={}),
            ):
                raised = await _raised(sink.upload(KEY, replace(true, record=record), etag))
                expect_that(raised, "such a body is refused")
                await _expect_unchanged(harness, sink, before)


async def uploads_of_a_key_never_mix(harness: ObjectSinkHarness) -> None:
    """Of uploads made at once on one condition exactly one succeeds, and the object is the winner's."""
    contents = [Content(made(5 * MIB + number, number)) for number in range(4)]
    async with _connected(harness) as sink:
        for over in (False, True):
            etag = await _etag(sink) if over else None
            bodies = [GivenBody(each.record("v"), each.data, 100_000) for each in contents]
            won = await asyncio.gather(*(sink.upload(KEY, body, etag) for body in bodies))
            expect(sum(won), 1, "of uploads on one condition exactly one succeeds")
            await _expect_held(harness, sink, KEY[0], contents[won.index(True)], "v")


async def a_large_body_is_streamed(harness: ObjectSinkHarness) -> None:
    """Of a body that is larger than what may be held, only a bounded part is in memory at any time."""
    async with _connected(harness) as sink:
        stored = harness.stored_bytes
        body = LargeBody(harness.large_bytes, stored)
        tracing = stored is None and not tracemalloc.is_tracing()
        if tracing:
            tracemalloc.start()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0] if stored is None else 0
        try:
            expect(await sink.upload(KEY, body, None), expected=True, promise="a large body is taken")
            held = body.ahead_bytes if stored else tracemalloc.get_traced_memory()[1] - before
        finally:
            if tracing:
                tracemalloc.stop()
        expect_that(held <= harness.held_bytes_max, f"{held} bytes of a large body were held at once")
        row = await sink.check(KEY, ["md5"])
        expect_that(row is not None and _object(row).size == harness.large_bytes, "it is there whole")
        expect(row and _object(row).checksums.get("md5"), body.md5(), "the checksum of a large body")


async def a_refused_object_is_a_change_error(harness: ObjectSinkHarness) -> None:
    """An object that the sink cannot hold raises ``ChangeError`` and changes nothing."""
    if harness.refused is None:
        return
    async with _connected(harness) as sink:
        key, body = harness.refused()
        raised = await _raised(sink.upload(key, body, None))
        expect_that(isinstance(raised, ChangeError), f"it is refused for good, found {raised!r}")
        await check_coverage(sink, ())


async def fetching_leaves_out_what_is_absent(harness: ObjectSinkHarness) -> None:
    """A fetch of as many keys as are allowed gives those that are there; a check of the absent is None."""
    names = [f"name-{number}" for number in range(FETCH_KEYS_MAX)]
    async with _connected(harness) as sink:
        for name in names[::20]:
            await _create(sink, name, OLD)
        found = await sink.fetch([(name,) for name in names])
        expect(set(found), {(name,) for name in names[::20]}, "a fetch gives exactly what is there")
        expect(dict(await sink.fetch([])), {}, "a fetch of nothing gives nothing")
        expect(await sink.check(("absent",), harness.algorithms), None, "a check of what is absent")


async def emptiness_is_proved(harness: ObjectSinkHarness) -> None:
    """A system is empty until an object is whole, and again when all are removed."""
    async with _connected(harness) as sink:
        if isinstance(sink, Emptiness):
            expect(await sink.is_empty(), expected=True, promise="a new system is empty")
            await _create(sink, KEY[0], OLD)
            expect(await sink.is_empty(), expected=False, promise="one object makes it not empty")
            await _remove(sink, KEY[0])
            expect(await sink.is_empty(), expected=True, promise="without objects it is empty again")


async def a_good_system_has_no_errors(harness: ObjectSinkHarness) -> None:
    """A probe of a system that works finds no error, and its figures are plausible."""
    async with _connected(harness) as sink:
        await check_probe(sink)
        await check_figures(sink)


async def closing_twice_is_harmless(harness: ObjectSinkHarness) -> None:
    """A sink may be closed at any time, more than once, and connected more than once."""
    sink = await harness.open_sink()
    await sink.close()
    async with _connected(harness) as connected:
        await connected.connect()
        await _create(connected, KEY[0], OLD)
        await connected.close()


CHECKS: tuple[Check, ...] = (
    an_upload_is_exact,
    names_are_exact,
    a_scan_covers_everything_once,
    an_upload_obeys_its_condition,
    removing_obeys_its_condition,
    every_upload_changes_the_etag,
    a_body_that_fails_changes_nothing,
    a_body_that_is_not_what_it_says_changes_nothing,
    uploads_of_a_key_never_mix,
    a_large_body_is_streamed,
    a_refused_object_is_a_change_error,
    fetching_leaves_out_what_is_absent,
    emptiness_is_proved,
    a_good_system_has_no_errors,
    closing_twice_is_harmless,
)
"""Every promise; run each against a system of its own."""


@asynccontextmanager
async def _connected(harness: ObjectSinkHarness) -> AsyncIterator[ObjectSink]:
    sink = await harness.open_sink()
    try:
        await sink.connect()
        yield sink
    finally:
        await sink.close()


def _version(name: str) -> str:
    return f"version of {hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()}"


async def _create(sink: Uploads, name: str, content: Content) -> None:
    held = await sink.upload((name,), body_of(content, _version(name)), None)
    expect(held, expected=True, promise=f"{name!r} can be created")


async def _remove(sink: ObjectSink, name: str) -> None:
    row = (await sink.fetch([(name,)]))[name,]
    expect(await sink.remove((name,), row.etag or ""), expected=True, promise=f"{name!r} can be removed")


def _object(row: Row) -> Object:
    if not isinstance(row.record, Object):
        raise AssertionError("a sink of objects gives objects")
    return row.record


async def _etag(sink: Reads) -> str:
    etag = (await sink.fetch([KEY]))[KEY].etag
    if etag is None:
        raise AssertionError("a sink of objects gives ETags")
    return etag


async def _raised(upload: Awaitable[bool]) -> ReplicatorError | None:
    try:
        await upload
    except ReplicatorError as error:
        return error
    return None


async def _expect_held(
    harness: ObjectSinkHarness, sink: ObjectSink, name: str, content: Content, version: str | None = None
) -> None:
    """The object is exactly this: described by a fetch, and its bytes by their checksums."""
    found = _object((await sink.fetch([(name,)]))[name,])
    check_described(found, content, f"of {name!r}")
    expect(found.version, _version(name) if version is None else version, f"the version of {name!r}")
    row = await sink.check((name,), harness.algorithms)
    if row is None:
        raise AssertionError(f"a check finds nothing of {name!r}")
    checked = {algorithm: _object(row).checksums.get(algorithm) for algorithm in harness.algorithms}
    expect(checked, digests(content.data, harness.algorithms), f"the checksums of {name!r}")


async def _expect_absent(sink: ObjectSink) -> None:
    expect(len(await sink.fetch([KEY])), 0, "nothing is there")
    await check_coverage(sink, ())


async def _expect_unchanged(harness: ObjectSinkHarness, sink: ObjectSink, before: Content | None) -> None:
    if before is not None:
        await _expect_held(harness, sink, KEY[0], before)
        return
    await _expect_absent(sink)
    if isinstance(sink, Emptiness):
        expect(await sink.is_empty(), expected=True, promise="what is not whole is nothing")
