"""The promises of a source of objects, as checks for any connector that has one.

Each check takes an ``ObjectSourceHarness`` over a bucket that is empty at its start. A check of an ability
that the source does not have passes; whether it should have it is for the connector's own tests. A broken
promise raises AssertionError with its words.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from replicator.connector import (
    CHUNK_BYTES_MAX,
    FETCH_KEYS_MAX,
    Checks,
    Downloads,
    Marks,
    Reads,
    Scans,
    Source,
)
from replicator.model.change import Kind, Positions
from replicator.model.errors import TransientError
from replicator.model.record import Object
from replicator.testing.bodies import (
    HEADERS,
    METADATA,
    MIB,
    ODD_NAMES,
    TAGS,
    Content,
    check_described,
    digests,
    made,
)
from replicator.testing.expect import check_coverage, expect, expect_that
from replicator.testing.reading import (
    CLOCK_SECONDS,
    Reading,
    check_closing,
    check_figures,
    check_probe,
    check_reconnects,
    opened,
)


class ObjectSource(Source, Reads, Scans, Downloads, Protocol):
    """What every source of objects has."""


@dataclass(frozen=True)
class ObjectSourceHarness:
    """What a check needs of the system under test.

    Attributes:
        open_source: a new, unconnected source of the bucket.
        put, delete: write to the bucket as its users do; return once it is committed.
        tag: replace the tags of an object; None where changes of tags make no events.
        names: the odd names that the system under test can hold; S3 itself holds all.
        headers, metadata, tags: what it can be given to hold.
        algorithms: the checksums that ``check`` is asked for.
        patience_seconds: how long an event may take to come.
    """

    open_source: Callable[[], Awaitable[ObjectSource]]
    put: Callable[[str, Content], Awaitable[None]]
    delete: Callable[[str], Awaitable[None]]
    tag: Callable[[str, Mapping[str, str]], Awaitable[None]] | None = None
    names: Sequence[str] = ODD_NAMES
    headers: Mapping[str, str] = field(default_factory=lambda: HEADERS)
    metadata: Mapping[str, str] = field(default_factory=lambda: METADATA)
    tags: Mapping[str, str] = field(default_factory=lambda: TAGS)
    algorithms: Sequence[str] = ("md5", "sha256")
    patience_seconds: float = 20.0

    def content(self, data: bytes) -> Content:
        """An object with everything that it can have."""
        return Content(data, self.headers, self.metadata, self.tags)


Check = Callable[[ObjectSourceHarness], Awaitable[None]]

SIZES = (0, 1, CHUNK_BYTES_MAX - 1, CHUNK_BYTES_MAX, CHUNK_BYTES_MAX + 1, 3 * MIB + 17)
SMALL = Content(b"small")


async def every_change_is_a_hint(harness: ObjectSourceHarness) -> None:
    """Creating, overwriting and deleting an object each make its key dirty, with the time of the event."""
    async with _reading(harness) as (_, reading):
        began = time.time()
        await _expect_hint(reading, "new", harness.put("new", SMALL), "a new object")
        await _expect_hint(reading, "new", harness.put("new", Content(b"other")), "another body")
        await _expect_hint(reading, "new", harness.delete("new"), "a delete")
        for change in reading.changes:
            expect((change.kind, change.record), (Kind.DIRTY, None), "an event is a hint, and no record")
            at = change.committed_at
            expect_that(began - CLOCK_SECONDS <= at <= time.time() + CLOCK_SECONDS, f"event time {at}")


async def changed_tags_are_a_hint(harness: ObjectSourceHarness) -> None:
    """Changing only the tags makes the key dirty, and a fetch tells them at once."""
    if harness.tag is None:
        return
    async with _reading(harness) as (source, reading):
        await _expect_hint(reading, "tagged", harness.put("tagged", SMALL), "a new object")
        await _expect_hint(reading, "tagged", harness.tag("tagged", {"a": "b"}), "a change of tags")
        expect(dict((await _fetch(source, "tagged")).tags), {"a": "b"}, "a fetch tells the tags")


async def hints_not_committed_come_again(harness: ObjectSourceHarness) -> None:
    """What a source delivered and was never told to forget is delivered by the next one."""
    async with _reading(harness) as (_, reading):
        await _expect_hint(reading, "kept", harness.put("kept", SMALL), "a new object")
    async with _reading(harness, reading.positions) as (_, again):
        await again.until(lambda: again.count(("kept",)) > 0, "a hint comes again until it is committed")


async def committed_hints_are_forgotten(harness: ObjectSourceHarness) -> None:
    """What lies before a committed position does not come again, and what lies after it does."""
    async with _reading(harness) as (source, reading):
        await _expect_hint(reading, "before", harness.put("before", SMALL), "a new object")
        committed = dict(reading.positions)
        await _expect_hint(reading, "after", harness.put("after", SMALL), "a new object")
        await source.commit(committed)
    async with _reading(harness, reading.positions) as (_, again):
        await again.until(lambda: again.count(("after",)) > 0, "what was not committed comes again")
        expect(again.count(("before",)), 0, "what was committed does not")


async def a_cancelled_read_loses_nothing(harness: ObjectSourceHarness) -> None:
    """What a cancelled read did not return comes with a later one."""
    names = [f"name-{number}" for number in range(20)]
    async with _reading(harness) as (_, reading):
        writing = asyncio.create_task(_put_all(harness, dict.fromkeys(names, SMALL)))
        for attempt in range(40):
            try:
                async with asyncio.timeout(0.002 * (attempt % 5)):
                    await reading.step()
            except TimeoutError:
                await asyncio.sleep(0.005)
        await writing
        wanted = {(name,) for name in names}
        await reading.until(lambda: wanted <= _hinted(reading), "every hint comes, cancelled or not")


async def connecting_again_goes_on(harness: ObjectSourceHarness) -> None:
    """A source that was closed reads only after it was connected again, and then goes on."""
    async with _reading(harness) as (_, reading):
        await _expect_hint(reading, "one", harness.put("one", SMALL), "a new object")
        await check_reconnects(reading)
        await _expect_hint(reading, "two", harness.put("two", SMALL), "an object after connecting again")


async def an_idle_source_proves_that_it_was_read(harness: ObjectSourceHarness) -> None:
    """Without events every partition shows again and again up to when it has been read."""
    async with _reading(harness) as (_, reading):
        for _ in range(2):
            await reading.until_proved()
        latest = max(batch.read_to or 0.0 for batch in reading.batches)
        expect_that(latest <= time.time() + CLOCK_SECONDS, "nothing proves the future")


async def a_mark_comes_out(harness: ObjectSourceHarness) -> None:
    """A mark comes out, one after another, and is neither a change nor an object that a scan shows."""
    async with _reading(harness) as (source, reading):
        if not isinstance(source, Marks):
            return
        await harness.put("object", SMALL)
        for _ in range(2):
            await reading.until_marked(await source.mark())
        await reading.until(lambda: reading.count(("object",)) > 0, "so does the hint before it")
        expect(_hinted(reading), {("object",)}, "a mark is not a change")
        await check_coverage(source, {("object",)})


async def a_scan_covers_everything_once(harness: ObjectSourceHarness) -> None:
    """The pieces together are the whole, can be resumed from every cursor, and tell size and version."""
    contents = {f"dir-{number % 3}/{number}": Content(made(number, number)) for number in range(30)}
    async with _reading(harness) as (source, _):
        await check_coverage(source, ())
        await _put_all(harness, contents)
        await _check_present(source, contents)


async def names_are_exact(harness: ObjectSourceHarness) -> None:
    """Every name is one of its own, in events, scans, fetches and downloads alike."""
    contents = {name: Content(name.encode()) for name in harness.names}
    async with _reading(harness) as (source, reading):
        await _put_all(harness, contents)
        await _check_present(source, contents)
        for name, content in contents.items():
            expect(await _download(source, name), content.data, f"the body of {name!r}")
        wanted = {(name,) for name in contents}
        await reading.until(lambda: wanted <= _hinted(reading), "every name has its hint")
        expect(_hinted(reading) - wanted, set(), "and no other name")


async def another_state_is_told_apart(harness: ObjectSourceHarness) -> None:
    """A body of the same size has another version; other metadata has one, or a fetch tells them."""
    async with _reading(harness) as (source, _):
        await harness.put("state", Content(b"one"))
        first = await _fetch(source, "state")
        await harness.put("state", Content(b"two"))
        second = await _fetch(source, "state")
        expect_that(first.version != second.version, "another body has another version")
        await harness.put("state", Content(b"two", metadata={"other": "1"}))
        third = await _fetch(source, "state")
        expect(dict(third.metadata), {"other": "1"}, "a fetch tells the present metadata")
        await _check_present(source, {"state": Content(b"two", metadata={"other": "1"})})


async def fetching_gives_the_present(harness: ObjectSourceHarness) -> None:
    """A fetch sees every commit at once, complete, leaves out the absent, and takes many keys."""
    names = [f"name-{number}" for number in range(FETCH_KEYS_MAX)]
    async with _reading(harness) as (source, _):
        for number, name in enumerate(names[::20]):
            content = harness.content(made(number, name))
            await harness.put(name, content)
            check_described(await _fetch(source, name), content, "that a fetch tells")
        await harness.delete(names[0])
        found = await source.fetch([(name,) for name in names])
        expect(set(found), {(name,) for name in names[20::20]}, "a fetch gives what is there")
        expect(dict(await source.fetch([])), {}, "a fetch of nothing gives nothing")


async def a_download_is_exact(harness: ObjectSourceHarness) -> None:
    """An object of any size comes as it was written: every byte, and everything that it says of itself."""
    async with _reading(harness) as (source, _):
        for size in SIZES:
            name, content = f"size-{size}", harness.content(made(size, size))
            await harness.put(name, content)
            async with source.download((name,)) as body:
                if body is None:
                    raise AssertionError(f"an object of {size} bytes is not there")
                check_described(body.record, content, f"of a body of {size} bytes")
                expect(body.record.version, (await _fetch(source, name)).version, "one version everywhere")
                chunks = [chunk async for chunk in body.chunks()]
            expect_that(max(map(len, chunks), default=0) <= CHUNK_BYTES_MAX, "a chunk has its bound")
            expect_that(b"".join(chunks) == content.data, f"a body of {size} bytes comes exactly")


async def what_is_absent_is_told(harness: ObjectSourceHarness) -> None:
    """Where there is no object, or none any more, a download gives None and a check too."""
    async with _reading(harness) as (source, _):
        await harness.put("gone", SMALL)
        await harness.delete("gone")
        for name in ("never", "gone"):
            expect(await _download(source, name), None, f"a download of what is {name}")
            if isinstance(source, Checks):
                expect(await source.check((name,), harness.algorithms), None, f"a check of what is {name}")


async def a_body_need_not_be_read(harness: ObjectSourceHarness) -> None:
    """Leaving a download early, or without reading, costs nothing: later ones are whole."""
    content = Content(made(3 * MIB))
    async with _reading(harness) as (source, _):
        await harness.put("large", content)
        for number in range(30):
            async with source.download(("large",)) as body:
                if body is not None and number % 2:
                    await anext(body.chunks())
        expect_that(await _download(source, "large") == content.data, "a download after that is whole")


async def versions_are_never_mixed(harness: ObjectSourceHarness) -> None:
    """A body that is replaced while it is read is still the one that was opened, or says ``changed``."""
    old, new = Content(made(12 * MIB, "old")), Content(made(12 * MIB, "new"))
    async with _reading(harness) as (source, _):
        await harness.put("replaced", old)
        async with source.download(("replaced",)) as body:
            if body is None:
                raise AssertionError("an object that was put is there")
            chunks = body.chunks()
            read = [await anext(chunks)]
            await harness.put("replaced", new)
            try:
                read += [chunk async for chunk in chunks]
            except TransientError as error:
                expect((error.settled, error.reason), (True, "changed"), "what a replaced body says")
                expect_that(old.data.startswith(b"".join(read)), "what came before is of the old one")
            else:
                expect_that(b"".join(read) == old.data, "a body is of one version")
        expect_that(await _download(source, "replaced") == new.data, "the next download is of the new one")


async def checksums_are_computed(harness: ObjectSourceHarness) -> None:
    """A check gives the true checksums of the bytes, under the version of the object."""
    async with _reading(harness) as (source, _):
        if isinstance(source, Checks):
            for size in (0, 1, 2 * MIB + 1):
                data = made(size, size)
                await harness.put("checked", harness.content(data))
                row = await source.check(("checked",), harness.algorithms)
                if row is None or not isinstance(row.record, Object):
                    raise AssertionError("a check gives the object")
                found = {name: row.record.checksums.get(name) for name in harness.algorithms}
                expect(found, digests(data, harness.algorithms), f"the checksums of {size} bytes")
                expect(row.record.version, (await _fetch(source, "checked")).version, "one version")


async def figures_are_plausible(harness: ObjectSourceHarness) -> None:
    """Estimate, backlog and retention are never negative; retention is never nothing."""
    async with _reading(harness) as (source, _):
        await harness.put("object", SMALL)
        await check_figures(source)


async def a_good_system_has_no_errors(harness: ObjectSourceHarness) -> None:
    """A probe of a system that works finds no error."""
    async with _reading(harness) as (source, _):
        await check_probe(source)


async def closing_twice_is_harmless(harness: ObjectSourceHarness) -> None:
    """A source may be closed at any time, more than once."""
    await check_closing(await harness.open_source())


CHECKS: tuple[Check, ...] = (
    every_change_is_a_hint,
    changed_tags_are_a_hint,
    hints_not_committed_come_again,
    committed_hints_are_forgotten,
    a_cancelled_read_loses_nothing,
    connecting_again_goes_on,
    an_idle_source_proves_that_it_was_read,
    a_mark_comes_out,
    a_scan_covers_everything_once,
    names_are_exact,
    another_state_is_told_apart,
    fetching_gives_the_present,
    a_download_is_exact,
    what_is_absent_is_told,
    a_body_need_not_be_read,
    versions_are_never_mixed,
    checksums_are_computed,
    figures_are_plausible,
    a_good_system_has_no_errors,
    closing_twice_is_harmless,
)
"""Every promise; run each against a bucket of its own."""


@asynccontextmanager
async def _reading(
    harness: ObjectSourceHarness, positions: Positions | None = None
) -> AsyncIterator[tuple[ObjectSource, Reading]]:
    async with opened(harness.open_source, harness.patience_seconds, positions) as both:
        yield both


async def _expect_hint(reading: Reading, name: str, action: Awaitable[None], what: str) -> None:
    """The action is followed by one more hint of the key."""
    before = reading.count((name,))
    await action
    await reading.until(lambda: reading.count((name,)) > before, f"{what} makes its key dirty")


def _hinted(reading: Reading) -> set[tuple[object, ...]]:
    return {change.key for change in reading.changes}


async def _put_all(harness: ObjectSourceHarness, contents: Mapping[str, Content]) -> None:
    for name, content in contents.items():
        await harness.put(name, content)


async def _fetch(source: Reads, name: str) -> Object:
    row = (await source.fetch([(name,)])).get((name,))
    if row is None or not isinstance(row.record, Object):
        raise AssertionError(f"a fetch gives no object {name!r}")
    return row.record


async def _download(source: Downloads, name: str) -> bytes | None:
    async with source.download((name,)) as body:
        return None if body is None else b"".join([chunk async for chunk in body.chunks()])


async def _check_present(source: ObjectSource, contents: Mapping[str, Content]) -> None:
    """A scan shows exactly these objects, each with the size and the version that a fetch tells."""
    rows = await check_coverage(source, {(name,) for name in contents})
    for name, content in contents.items():
        listed, fetched = rows[name,].record, await _fetch(source, name)
        check_described(fetched, content, f"of {name!r}")
        if not isinstance(listed, Object):
            raise AssertionError("a scan gives objects")
        expect(
            (listed.size, listed.version), (fetched.size, fetched.version), f"what a scan says of {name!r}"
        )
