"""The promises of ``replicator.connector.Source`` and its abilities, as checks for any source of records.

Each check takes a ``SourceHarness`` over a system that is empty at its start. A check of an ability that
the source does not have passes; whether it should have it is for the connector's own tests. A broken
promise raises AssertionError with its words.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from replicator.connector import FETCH_KEYS_MAX, Marks, Reads, Scans
from replicator.model.change import Positions
from replicator.model.key import Key
from replicator.testing.expect import (
    check_pieces,
    expect,
    expect_that,
    key_of,
    numbers_of,
    scan_piece,
)
from replicator.testing.reading import (
    CLOCK_SECONDS,
    Reading,
    SourceHarness,
    check_closing,
    check_figures,
    check_probe,
    check_reconnects,
    opened,
)

Check = Callable[[SourceHarness], Awaitable[None]]


async def changes_of_a_key_come_in_order(harness: SourceHarness) -> None:
    """Every state of a key is delivered, in the order of the commits, with its record and its time."""
    async with _reading(harness) as reading:
        began = time.time()
        for number in range(5):
            await harness.write(key_of(0), number)
            await harness.write(key_of(number + 1), number)
        await harness.delete(key_of(0))
        await reading.until(lambda: reading.has(key_of(0), None), "a delete is delivered")
        await reading.until(lambda: reading.has(key_of(5), 4), "every put is delivered")
        expect(reading.numbers()[key_of(0)], [0, 1, 2, 3, 4, None], "the changes of a key, in order")
        for change in reading.changes:
            at = change.committed_at
            expect_that(began - CLOCK_SECONDS <= at <= time.time() + CLOCK_SECONDS, f"commit time {at}")


async def a_scan_after_the_start_misses_nothing(harness: SourceHarness) -> None:
    """What a scan begun after connecting does not show is delivered by the delta."""
    await harness.write(key_of(0), 1)
    async with _reading(harness) as reading:
        await harness.write(key_of(1), 1)
        source = reading.source
        seen: set[Key] = set()
        if isinstance(source, Scans):
            for piece in await source.pieces():
                seen |= {row.key for row in await scan_piece(source, piece)}
        await harness.write(key_of(2), 1)
        wanted = {key_of(0), key_of(1), key_of(2)} if not seen else {key_of(1), key_of(2)}
        await reading.until(lambda: wanted <= reading.numbers().keys(), "changes after the start come")
        expect_that(wanted | seen >= {key_of(0), key_of(1), key_of(2)}, "scan and delta cover everything")


async def a_cancelled_read_loses_nothing(harness: SourceHarness) -> None:
    """What a cancelled read did not return comes with the next one."""
    async with _reading(harness) as reading:
        writing = asyncio.create_task(_write_numbers(harness, 30))
        for attempt in range(60):
            try:
                async with asyncio.timeout(0.001 * (attempt % 5)):
                    await reading.step()
            except TimeoutError:
                await asyncio.sleep(0.005)
        await writing
        await reading.until(lambda: reading.has(key_of(0), 29), "the newest state comes")
        expect(reading.numbers()[key_of(0)], list(range(30)), "each state once, in order, cancelled or not")


async def reading_resumes_from_a_position(harness: SourceHarness) -> None:
    """A new source, given the positions of a moment, delivers what came after it, and nothing before."""
    async with _reading(harness) as first:
        await _write_numbers(harness, 5)
        await first.until(lambda: first.has(key_of(0), 4), "the first states come")
        positions = dict(first.positions)
    await _write_numbers(harness, 10, begin=5)
    async with _reading(harness, positions) as second:
        await second.until(lambda: second.has(key_of(0), 9), "the states after the position come")
        expect(second.numbers()[key_of(0)], [5, 6, 7, 8, 9], "exactly what came after the position")


async def connecting_again_goes_on(harness: SourceHarness) -> None:
    """A source that was closed reads only after it was connected again, and then goes on."""
    async with _reading(harness) as reading:
        await _write_numbers(harness, 3)
        await reading.until(lambda: reading.has(key_of(0), 2), "the first states come")
        await check_reconnects(reading)
        await _write_numbers(harness, 6, begin=3)
        await reading.until(lambda: reading.has(key_of(0), 5), "the later states come")
        expect(reading.numbers()[key_of(0)], list(range(6)), "each state once over a reconnect")


async def an_idle_source_proves_that_it_was_read(harness: SourceHarness) -> None:
    """Every open partition shows, with or without changes, up to when it has been read."""
    async with _reading(harness) as reading:
        await harness.write(key_of(0), 1)
        await reading.until_proved()
        expect_that(reading.has(key_of(0), 1), "what was committed before the proof has been delivered")
        latest = max(batch.read_to or 0.0 for batch in reading.batches)
        expect_that(latest <= time.time() + CLOCK_SECONDS, "nothing proves the future")


async def a_mark_proves_what_was_read(harness: SourceHarness) -> None:
    """When a mark comes out, everything committed before it was set has been delivered."""
    async with _reading(harness) as reading:
        source = reading.source
        if not isinstance(source, Marks):
            return
        for number in range(2):
            keys = [key_of(key, f"group-{key}") for key in range(8)]
            for key in keys:
                await harness.write(key, number)
            mark = await source.mark()
            await reading.until_marked(mark)
            expect_that(
                all(reading.has(key, number) for key in keys), "all that was before the mark is read"
            )
        expect(set(reading.numbers()), set(keys), "a mark is not a change")


async def a_divided_partition_is_read_in_order(harness: SourceHarness) -> None:
    """Children are opened by their parent's last batch, and a key's order holds across the division."""
    if harness.split is None:
        return
    async with _reading(harness) as reading:
        begun = set(reading.positions)
        await _write_numbers(harness, 5)
        await harness.split()
        await _write_numbers(harness, 10, begin=5)
        await harness.split()
        await _write_numbers(harness, 15, begin=10)
        await reading.until(lambda: reading.has(key_of(0), 14), "states after the divisions come")
        expect(reading.numbers()[key_of(0)], list(range(15)), "a key's order over divisions")
        _check_lineage(reading, begun)


async def reading_resumes_over_a_division(harness: SourceHarness) -> None:
    """Positions of any moment, also from before or between divisions, are enough to go on."""
    if harness.split is None:
        return
    async with _reading(harness) as reading:
        seen: list[dict[str, str]] = []

        def is_over() -> bool:
            if not reading.has(key_of(0), 9):
                seen.append(dict(reading.positions))
            return reading.has(key_of(0), 9)

        await _write_numbers(harness, 5)
        await harness.split()
        await _write_numbers(harness, 10, begin=5)
        await reading.until(is_over, "states after the division come")
    for positions in seen[:: max(1, len(seen) // 4)]:
        async with _reading(harness, positions) as resumed:
            await resumed.until(lambda: resumed.has(key_of(0), 9), "the newest state comes")
            numbers = resumed.numbers()[key_of(0)]
            expect(numbers, list(range(10))[-len(numbers) :], "the rest, in order, without a gap")


async def telling_to_forget_harms_nothing(harness: SourceHarness) -> None:
    """After a commit, reading goes on, and resuming from the committed positions works."""
    async with _reading(harness) as reading:
        await _write_numbers(harness, 3)
        await reading.until(lambda: reading.has(key_of(0), 2), "the first states come")
        await reading.source.commit(dict(reading.positions))
        await _write_numbers(harness, 6, begin=3)
        positions = dict(reading.positions)
        await reading.until(lambda: reading.has(key_of(0), 5), "reading goes on after a commit")
    async with _reading(harness, positions) as resumed:
        await resumed.until(lambda: resumed.has(key_of(0), 5), "the committed positions are still good")


async def fetching_gives_the_present(harness: SourceHarness) -> None:
    """A fetch sees every commit at once, leaves out what is absent, and takes as many keys as allowed."""
    async with _reading(harness) as reading:
        if isinstance(reading.source, Reads):
            keys = [key_of(number, f"group-{number % 3}") for number in range(FETCH_KEYS_MAX)]
            for number, key in enumerate(keys[::20]):
                await harness.write(key, number)
                found = numbers_of(await reading.source.fetch([key]))
                expect(found, {key: number}, "a fetch sees what was just committed")
            await harness.delete(keys[0])
            found = numbers_of(await reading.source.fetch(keys))
            expected = {key: number for number, key in enumerate(keys[::20])}
            expect(found, {key: expected[key] for key in keys[20::20]}, "a fetch gives what is there")


async def a_scan_covers_everything_once(harness: SourceHarness) -> None:
    """The pieces together are the whole, and can be resumed from every cursor."""
    async with _reading(harness) as reading:
        if isinstance(reading.source, Scans):
            await check_pieces(reading.source, {})
            expected = {key_of(number, f"group-{number % 4}"): number for number in range(30)}
            for key, number in expected.items():
                await harness.write(key, number)
            await check_pieces(reading.source, expected)


async def figures_are_plausible(harness: SourceHarness) -> None:
    """Estimate, backlog and retention are never negative; retention is never nothing."""
    async with _reading(harness) as reading:
        await check_figures(reading.source)


async def a_good_system_has_no_errors(harness: SourceHarness) -> None:
    """A probe of a system that works finds no error."""
    async with _reading(harness) as reading:
        await check_probe(reading.source)


async def closing_twice_is_harmless(harness: SourceHarness) -> None:
    """A source may be closed at any time, more than once."""
    await check_closing(await harness.open_source())


__all__ = ["CHECKS", "Check", "Reading", "SourceHarness"]

CHECKS: tuple[Check, ...] = (
    changes_of_a_key_come_in_order,
    a_scan_after_the_start_misses_nothing,
    a_cancelled_read_loses_nothing,
    reading_resumes_from_a_position,
    connecting_again_goes_on,
    an_idle_source_proves_that_it_was_read,
    a_mark_proves_what_was_read,
    a_divided_partition_is_read_in_order,
    reading_resumes_over_a_division,
    telling_to_forget_harms_nothing,
    fetching_gives_the_present,
    a_scan_covers_everything_once,
    figures_are_plausible,
    a_good_system_has_no_errors,
    closing_twice_is_harmless,
)
"""Every promise; run each against a system of its own."""


@asynccontextmanager
async def _reading(harness: SourceHarness, positions: Positions | None = None) -> AsyncIterator[Reading]:
    async with opened(harness.open_source, harness.patience_seconds, positions) as (_, reading):
        yield reading


async def _write_numbers(harness: SourceHarness, end: int, begin: int = 0) -> None:
    for number in range(begin, end):
        await harness.write(key_of(0), number)


def _check_lineage(reading: Reading, begun: set[str]) -> None:
    """Every partition delivers only after it was opened, and nothing after its end."""
    known, ended = set(begun), set()
    for batch in reading.batches:
        expect_that(batch.partition in known, f"{batch.partition} delivers before it was opened")
        expect_that(batch.partition not in ended, f"{batch.partition} delivers after its end")
        if batch.opened:
            expect_that(batch.ended, "children are opened by the last batch of their parent")
            known |= batch.opened.keys()
        if batch.ended:
            ended.add(batch.partition)
