"""The promises of ``replicator.connector.Sink`` and its abilities, as checks for any sink of records.

Each check takes a ``SinkHarness`` over a system that is empty at its start. A check of an ability that the
sink does not have passes; whether it should have the ability is for the connector's own tests. A broken
promise raises AssertionError with its words.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from replicator.connector import (
    FETCH_KEYS_MAX,
    Conditions,
    Emptiness,
    Estimates,
    Examines,
    Inserts,
    Probes,
    Reads,
    Scans,
    Severity,
    Writes,
)
from replicator.model.change import Change, Kind, Row
from replicator.model.errors import BatchError, ChangeError
from replicator.model.key import Key, key_text
from replicator.model.record import Item
from replicator.model.values import Value
from replicator.testing.expect import (
    attributes_of,
    check_pieces,
    delete,
    expect,
    expect_that,
    key_of,
    number_of,
    numbers_of,
    same,
    upsert,
)

A = TypeVar("A")

EVERY_TYPE: dict[str, Value] = {
    "text": {"S": "é\u2028\x00"},
    "empty": {"S": ""},
    "number": {"N": "-12345678901234567890.123456789012345678"},
    "tiny": {"N": "1E-130"},
    "binary": {"B": b"\x00\xff"},
    "yes": {"BOOL": True},
    "nothing": {"NULL": True},
    "list": {"L": [{"N": "1"}, {"L": []}, {"M": {}}]},
    "map": {"M": {"inner": {"B": b""}, "é": {"S": "x"}}},
    "texts": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2.5"]},
    "binaries": {"BS": [b"\x01", b"\x02"]},
}


@dataclass(frozen=True)
class SinkHarness:
    """What a check needs of the system under test.

    Attributes:
        open_sink: a new, unconnected sink into the system.
        refused: a change of this key that the sink refuses for good; None where there is no such thing.
    """

    open_sink: Callable[[], Awaitable[Writes]]
    refused: Callable[[Key], Change] | None = None


Check = Callable[[SinkHarness], Awaitable[None]]


async def writes_are_durable_when_they_return(harness: SinkHarness) -> None:
    """What was written is there for everyone; what was deleted is gone; deleting nothing is no failure."""
    async with _connected(harness) as sink:
        await write(sink, [upsert(key_of(0), 1), upsert(key_of(1), 1), upsert(key_of(2), 1)])
        await write(sink, [upsert(key_of(0), 2), delete(key_of(1)), delete(key_of(9))])
    async with _connected(harness) as other:
        await _expect_numbers(other, {key_of(0): 2, key_of(2): 1})


async def writing_again_changes_nothing(harness: SinkHarness) -> None:
    """The same batch may be sent any number of times."""
    async with _connected(harness) as sink:
        await write(sink, [upsert(key_of(1), 1)])
        for _ in range(3):
            await write(sink, [upsert(key_of(0), 1), delete(key_of(1))])
        await _expect_numbers(sink, {key_of(0): 1})


async def a_deleted_key_can_come_back(harness: SinkHarness) -> None:
    """Delete and upsert follow each other as often as they like."""
    async with _connected(harness) as sink:
        for number in range(3):
            await write(sink, [upsert(key_of(0), number)])
            await write(sink, [delete(key_of(0))])
        await write(sink, [upsert(key_of(0), 9)])
        await _expect_numbers(sink, {key_of(0): 9})


async def a_full_batch_is_taken(harness: SinkHarness) -> None:
    """A write takes ``batch_changes_max`` changes of one group."""
    async with _connected(harness) as sink:
        changes = [upsert(key_of(number), number) for number in range(sink.batch_changes_max)]
        group = sink.group(changes[0].key)
        batch = [change for change in changes if sink.group(change.key) == group]
        await sink.write(batch)
        await _expect_numbers(sink, {change.key: number_of(change.record) for change in batch})


async def records_survive_exactly(harness: SinkHarness) -> None:
    """Every attribute type comes back as it was."""
    async with _connected(harness) as sink:
        if isinstance(sink, Reads):
            record = Item({**attributes_of(key_of(0), 1), **EVERY_TYPE})
            await sink.write([Change(Kind.UPSERT, key_of(0), record, 0.0)])
            row = (await sink.fetch([key_of(0)]))[key_of(0)]
            expect_that(same(row.record, record), f"a record survives exactly, found {row.record}")


async def failures_are_named_exactly(harness: SinkHarness) -> None:
    """``BatchError`` names the refused change and no other; the others are durable."""
    if harness.refused is None:
        return
    async with _connected(harness) as sink:
        refused = harness.refused(key_of(1))
        try:
            await sink.write([upsert(key_of(0), 1), refused, upsert(key_of(2), 1)])
        except BatchError as error:
            expect(list(error.failures), [key_of(1)], "a batch error names exactly the failed changes")
            expect_that(isinstance(error.failures[key_of(1)], ChangeError), "it says: refused for good")
        else:
            raise AssertionError("a batch with a refused change must raise BatchError")
        await _expect_numbers(sink, {key_of(0): 1, key_of(2): 1})


async def a_single_refused_change_is_a_change_error(harness: SinkHarness) -> None:
    """A write of one change that the sink refuses raises ``ChangeError`` and changes nothing."""
    if harness.refused is None:
        return
    async with _connected(harness) as sink:
        try:
            await sink.write([harness.refused(key_of(1))])
        except ChangeError:
            await _expect_numbers(sink, {})
        else:
            raise AssertionError("a refused change must raise ChangeError")


async def inserting_leaves_what_is_there(harness: SinkHarness) -> None:
    """Insert-if-absent writes the absent, leaves the present, and can be repeated."""
    async with _connected(harness) as sink:
        if isinstance(sink, Inserts):
            await write(sink, [upsert(key_of(0), 1), upsert(key_of(1), 1)])
            for _ in range(2):
                await sink.insert([upsert(key_of(number), 7) for number in range(4)])
            await _expect_numbers(sink, {key_of(0): 1, key_of(1): 1, key_of(2): 7, key_of(3): 7})


async def an_etag_is_a_condition(harness: SinkHarness) -> None:
    """A conditional write happens only while the record has the ETag that was read."""
    async with _connected(harness) as sink:
        if not (isinstance(sink, Conditions) and isinstance(sink, Reads)):
            return
        await write(sink, [upsert(key_of(0), 1)])
        old = await _etag(sink, key_of(0))
        expect(await sink.write_if(upsert(key_of(0), 2), old), expected=True, promise="a true ETag holds")
        expect(
            await sink.write_if(upsert(key_of(0), 3), old), expected=False, promise="an old one does not"
        )
        expect(await sink.write_if(delete(key_of(0)), old), expected=False, promise="nor for a delete")
        await _expect_numbers(sink, {key_of(0): 2})
        new = await _etag(sink, key_of(0))
        expect(await sink.write_if(delete(key_of(0)), new), expected=True, promise="a delete on condition")
        expect(await sink.write_if(upsert(key_of(0), 4), new), expected=False, promise="a deleted record")
        await _expect_numbers(sink, {})


async def every_write_changes_the_etag(harness: SinkHarness) -> None:
    """A record that was written in between, even with the same content, does not have its ETag any more."""
    async with _connected(harness) as sink:
        if isinstance(sink, Conditions) and isinstance(sink, Reads):
            await write(sink, [upsert(key_of(0), 1)])
            old = await _etag(sink, key_of(0))
            await write(sink, [delete(key_of(0))])
            await write(sink, [upsert(key_of(0), 1)])
            held = await sink.write_if(upsert(key_of(0), 2), old)
            expect(held, expected=False, promise="a record made again has another ETag")


async def absence_is_a_condition(harness: SinkHarness) -> None:
    """With None a conditional write creates, and only where nothing is."""
    async with _connected(harness) as sink:
        if isinstance(sink, Conditions):
            created = await sink.write_if(upsert(key_of(0), 1), None)
            expect(created, expected=True, promise="an absent key can be created on condition")
            again = await sink.write_if(upsert(key_of(0), 2), None)
            expect(again, expected=False, promise="a present key cannot")
            await _expect_numbers(sink, {key_of(0): 1})


async def fetching_leaves_out_what_is_absent(harness: SinkHarness) -> None:
    """A fetch of as many keys as are allowed gives those that are there, whatever their group."""
    async with _connected(harness) as sink:
        if isinstance(sink, Reads):
            keys = [key_of(number, f"group-{number % 3}") for number in range(FETCH_KEYS_MAX)]
            await write(sink, [upsert(key, 5) for key in keys[::10]])
            found = await sink.fetch(keys)
            expect(numbers_of(found), dict.fromkeys(keys[::10], 5), "a fetch gives exactly what is there")
            expect(dict(await sink.fetch([])), {}, "a fetch of nothing gives nothing")


async def a_scan_covers_everything_once(harness: SinkHarness) -> None:
    """The pieces together are the whole, and can be resumed from every cursor."""
    async with _connected(harness) as sink:
        if isinstance(sink, Scans):
            await check_pieces(sink, {})
            expected = {key_of(number, f"group-{number % 4}"): number for number in range(30)}
            await write(sink, [upsert(key, number) for key, number in expected.items()])
            await check_pieces(sink, expected)


async def emptiness_is_proved(harness: SinkHarness) -> None:
    """A system is empty until something is written, and again when all of it is deleted."""
    async with _connected(harness) as sink:
        if isinstance(sink, Emptiness):
            expect(await sink.is_empty(), expected=True, promise="a new system is empty")
            await write(sink, [upsert(key_of(0), 1)])
            expect(await sink.is_empty(), expected=False, promise="one record makes it not empty")
            await write(sink, [delete(key_of(0))])
            expect(await sink.is_empty(), expected=True, promise="without records it is empty again")


async def an_estimate_is_a_number_or_unknown(harness: SinkHarness) -> None:
    """An estimate is never negative."""
    async with _connected(harness) as sink:
        if isinstance(sink, Estimates):
            estimate = await sink.estimate()
            expect_that(estimate is None or estimate >= 0, f"an estimate of {estimate}")


async def a_good_system_has_no_errors(harness: SinkHarness) -> None:
    """A probe of a system that works finds no error."""
    async with _connected(harness) as sink:
        system: object = sink
        if isinstance(system, Probes):
            errors = [one for one in await system.probe() if one.severity is Severity.ERROR]
            expect(errors, [], "what a probe finds wrong with a good system")


async def a_sample_is_judged_and_not_written(harness: SinkHarness) -> None:
    """Of a sample a sink names what it would refuse, says that it is a sample, and writes nothing."""
    async with _connected(harness) as sink:
        system: object = sink
        if not isinstance(system, Examines) or harness.refused is None:
            return
        good, bad = upsert(key_of(0), 1), harness.refused(key_of(1))
        rows = [Row(change.key, change.record) for change in (good, bad) if change.record is not None]
        told = system.examine(rows)
        expect_that(any(key_text(bad.key) in one.message for one in told), "it names what it would refuse")
        expect_that(all("sample" in one.message for one in told), "it says of each that it is of a sample")
        errors = [one for one in told if one.severity is Severity.ERROR]
        expect(errors, [], "what rules the whole pipeline out in a sample")
        expect(list(system.examine([])), [], "what is said of no records")
        if isinstance(sink, Reads):
            expect(await sink.fetch([good.key, bad.key]), {}, "what examining wrote")


async def closing_twice_is_harmless(harness: SinkHarness) -> None:
    """A sink may be closed at any time, more than once, and connected more than once."""
    sink = await harness.open_sink()
    await sink.close()
    async with _connected(harness) as connected:
        await connected.connect()
        await write(connected, [upsert(key_of(0), 1)])
        await connected.close()


CHECKS: tuple[Check, ...] = (
    writes_are_durable_when_they_return,
    writing_again_changes_nothing,
    a_deleted_key_can_come_back,
    a_full_batch_is_taken,
    records_survive_exactly,
    failures_are_named_exactly,
    a_single_refused_change_is_a_change_error,
    inserting_leaves_what_is_there,
    an_etag_is_a_condition,
    every_write_changes_the_etag,
    absence_is_a_condition,
    fetching_leaves_out_what_is_absent,
    a_scan_covers_everything_once,
    emptiness_is_proved,
    an_estimate_is_a_number_or_unknown,
    a_good_system_has_no_errors,
    a_sample_is_judged_and_not_written,
    closing_twice_is_harmless,
)
"""Every promise; run each against a system of its own."""


async def write(sink: Writes, changes: Sequence[Change]) -> None:
    """Write changes one by one, whatever their groups."""
    for change in changes:
        await sink.write([change])


@asynccontextmanager
async def _connected(harness: SinkHarness) -> AsyncIterator[Writes]:
    sink = await harness.open_sink()
    try:
        await sink.connect()
        yield sink
    finally:
        await sink.close()


async def _expect_numbers(sink: Writes, expected: dict[Key, int | None]) -> None:
    if isinstance(sink, Reads):
        asked = sorted({*expected, *(key_of(number) for number in range(10))})
        found: dict[Key, int | None] = {}
        for begin in range(0, len(asked), FETCH_KEYS_MAX):
            found |= numbers_of(await sink.fetch(asked[begin : begin + FETCH_KEYS_MAX]))
        expect(found, expected, "what the sink holds")


async def _etag(sink: Reads, key: Key) -> str:
    etag = (await sink.fetch([key]))[key].etag
    if etag is None:
        raise AssertionError("a sink that writes on condition gives ETags")
    return etag
