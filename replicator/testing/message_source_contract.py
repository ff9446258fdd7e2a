"""The promises of a source of messages, as checks for any connector that has one.

Each check takes a ``MessageSourceHarness`` over a queue that is empty at its start. A check of an ability
that the source does not have passes; whether it should have it is for the connector's own tests. A broken
promise raises AssertionError with its words.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from replicator.connector import Backlogs, Marks, Source
from replicator.model.change import Kind
from replicator.model.record import Attribute, Message
from replicator.testing.expect import expect, expect_that
from replicator.testing.reading import (
    CLOCK_SECONDS,
    Reading,
    check_closing,
    check_figures,
    check_probe,
    check_reconnects,
    opened,
)

ATTRIBUTES: dict[str, Attribute] = {
    "text": Attribute("String", "\u00e9 \u65e5\u672c \U0001f600"),
    "number": Attribute("Number", "12345678901234567890.123456789012345678"),
    "custom": Attribute("Number.int", "0012"),
    "label": Attribute("String.color", "green"),
    "binary": Attribute("Binary", b"\x00\xff\x01"),
    "image": Attribute("Binary.gif", b"GIF89a"),
}

BODIES = (
    "plain",
    '{"a": [1, 2]}',
    "\u00e9 e\u0301 \u65e5\u672c \U0001f600",
    " \t\r\n",
    "<&>\"'",
    "x" * 200_000,
)


@dataclass(frozen=True)
class MessageSourceHarness:
    """What a check needs of the system under test.

    Attributes:
        open_source: a new, unconnected source of the queue.
        send: put a message in as the queue's users do: its body, its attributes, and its group, which is
            None where the queue is not FIFO; returns once it is accepted.
        count: how many messages are in the queue, whether somebody has them in hand or not.
        fifo: whether the queue keeps the order of groups.
        visibility_seconds: after how long a message shows again that nobody keeps hidden; short, because
            a check waits longer than this.
        attributes, bodies: what it can be given to hold.
        patience_seconds: how long a message may take to come.
    """

    open_source: Callable[[], Awaitable[Source]]
    send: Callable[[str, Mapping[str, Attribute], str | None], Awaitable[None]]
    count: Callable[[], Awaitable[int]]
    fifo: bool
    visibility_seconds: float
    attributes: Mapping[str, Attribute] = field(default_factory=lambda: ATTRIBUTES)
    bodies: Sequence[str] = BODIES
    patience_seconds: float = 20.0

    async def send_numbers(self, begin: int, end: int, groups: int = 1) -> None:
        """Send a message for each number, to the groups in turn."""
        for number in range(begin, end):
            await self.send(str(number), {}, self.group(number % groups))

    def group(self, number: int) -> str | None:
        """The name of a group, where the queue has any."""
        return f"group-{number}" if self.fifo else None


Check = Callable[[MessageSourceHarness], Awaitable[None]]


async def every_message_is_delivered(harness: MessageSourceHarness) -> None:
    """Each message comes as an UPSERT under its own key, with its id, its group and its time."""
    async with _reading(harness, commits=True) as (_, reading):
        began = time.time()
        await harness.send_numbers(0, 25, groups=3)
        await _until_bodies(reading, 0, 25)
        for change in reading.changes:
            message = _message(change.record)
            key = (message.id,) if message.group is None else (message.group, message.id)
            expect((change.kind, change.key), (Kind.UPSERT, key), "what a message is as a change")
            expect(message.group, harness.group(int(message.body) % 3), "the group of a message")
            expect(change.committed_at, message.sent_at, "a change is as old as its message")
            at = message.sent_at
            expect_that(began - CLOCK_SECONDS <= at <= time.time() + CLOCK_SECONDS, f"sent at {at}")
        ids = {_message(change.record).body: change.key for change in reading.changes}
        expect(len(set(ids.values())), 25, "ids of 25 messages")


async def a_message_comes_exactly(harness: MessageSourceHarness) -> None:
    """Bodies and attributes come as they were sent, to the last character, digit and byte."""
    async with _reading(harness, commits=True) as (_, reading):
        for body in harness.bodies:
            await harness.send(body, harness.attributes, harness.group(0))
        await reading.until(
            lambda: set(harness.bodies) <= _bodies(reading), "every body comes as it was sent"
        )
        expect(_bodies(reading), set(harness.bodies), "and no other")
        for change in reading.changes:
            expect(dict(_message(change.record).attributes), dict(harness.attributes), "the attributes")


async def a_group_keeps_its_order(harness: MessageSourceHarness) -> None:
    """In a FIFO queue the messages of each group come in the order of sending, each once."""
    if not harness.fifo:
        return
    groups = [
        number % 4 if number < 20 else number // 5 % 4 for number in range(60)
    ]  # in turn, then in runs
    async with _reading(harness, commits=True) as (_, reading):
        for number, group in enumerate(groups):
            await harness.send(str(number), {}, harness.group(group))
        await _until_bodies(reading, 0, 60)
        numbers = [int(_message(change.record).body) for change in reading.changes]
        for group in range(4):
            found = [number for number in numbers if groups[number] == group]
            expected = [number for number in range(60) if groups[number] == group]
            expect(found, expected, f"the order of group {group}")


async def a_message_is_deleted_by_the_commit(harness: MessageSourceHarness) -> None:
    """A message that was delivered is still in the queue, until the commit."""
    async with _reading(harness) as (_, reading):
        await harness.send_numbers(0, 5, groups=5)
        await _until_bodies(reading, 0, 5)
        expect(await harness.count(), 5, "messages in the queue before the commit")
        await reading.commit()
        await _until_count(harness, 0)


async def a_commit_deletes_no_more(harness: MessageSourceHarness) -> None:
    """What was delivered after the committed position stays, and comes again after closing."""
    async with _reading(harness) as (source, reading):
        await harness.send("0", {}, harness.group(0))
        await _until_bodies(reading, 0, 1)
        committed = dict(reading.positions)
        await harness.send("1", {}, harness.group(1))
        await _until_bodies(reading, 0, 2)
        await source.commit(committed)
        await source.commit(committed)
    async with _reading(harness) as (_, again):
        await again.until(lambda: "1" in _bodies(again), "what was not committed comes again")
        expect(_bodies(again), {"1"}, "what was committed does not")
        expect(await harness.count(), 1, "messages in the queue")


async def what_was_not_committed_comes_again(harness: MessageSourceHarness) -> None:
    """Closing gives back at once what was delivered and not committed, in the order of its group."""
    await harness.send_numbers(0, 6, groups=2)
    async with _reading(harness) as (_, reading):
        await reading.until(lambda: len(reading.changes) > 0, "messages come")
    async with _reading(harness, commits=True) as (_, again):
        await _until_bodies(again, 0, 6)
        _check_order(harness, again, 6, groups=2)
    await _until_count(harness, 0)


async def what_is_in_hand_stays_hidden(harness: MessageSourceHarness) -> None:
    """However long a commit takes, nobody else is given what was delivered, and it can still be made."""
    async with _reading(harness) as (_, reading):
        await harness.send("0", {}, harness.group(0))
        await _until_bodies(reading, 0, 1)
        async with _reading(harness) as (_, other):
            await _read_for(other, 2.5 * harness.visibility_seconds)
            expect(_bodies(other), set(), "what others are given")
        await reading.commit()
    await _until_count(harness, 0)


async def connecting_takes_nothing(harness: MessageSourceHarness) -> None:
    """A source that is connected and not read leaves everything to others."""
    await harness.send_numbers(0, 5, groups=5)
    async with _reading(harness) as (source, _), _reading(harness, commits=True) as (_, other):
        await check_figures(source)
        await _until_bodies(other, 0, 5)


async def a_cancelled_read_loses_nothing(harness: MessageSourceHarness) -> None:
    """What a cancelled read did not return comes with a later one."""
    async with _reading(harness, commits=True) as (_, reading):
        sending = asyncio.create_task(harness.send_numbers(0, 20, groups=4))
        for attempt in range(40):
            try:
                async with asyncio.timeout(0.002 * (attempt % 5)):
                    reading.take(await reading.source.read())
            except TimeoutError:
                await asyncio.sleep(0.005)
        await sending
        await reading.commit()
        await _until_bodies(reading, 0, 20)
        _check_order(harness, reading, 20, groups=4)


async def connecting_again_goes_on(harness: MessageSourceHarness) -> None:
    """A source that was closed reads only after it was connected again, and then goes on."""
    async with _reading(harness, commits=True) as (_, reading):
        await harness.send_numbers(0, 2)
        await _until_bodies(reading, 0, 2)
        await check_reconnects(reading)
        await harness.send_numbers(2, 4)
        await _until_bodies(reading, 0, 4)


async def an_idle_source_proves_that_it_was_read(harness: MessageSourceHarness) -> None:
    """While nothing comes the source shows again and again up to when it has been read."""
    async with _reading(harness, commits=True) as (_, reading):
        for _ in range(2):
            await reading.until_proved()
        latest = max(batch.read_to or 0.0 for batch in reading.batches)
        expect_that(latest <= time.time() + CLOCK_SECONDS, "nothing proves the future")


async def a_mark_comes_out(harness: MessageSourceHarness) -> None:
    """An end message comes out as a mark, is no change, and is deleted by the commit as any message is."""
    async with _reading(harness, commits=True) as (source, reading):
        if not isinstance(source, Marks):
            return
        for number in range(2):
            await harness.send_numbers(number * 5, number * 5 + 5, groups=5)
            await reading.until_marked(await source.mark())
        await _until_bodies(reading, 0, 10)
        expect(len(_bodies(reading)), 10, "a mark is not a change")
        await _until_count(harness, 0)


async def a_backlog_is_what_waits(harness: MessageSourceHarness) -> None:
    """The backlog counts what nobody has taken yet, how old it is, and becomes nothing."""
    await harness.send_numbers(0, 5, groups=5)
    async with _reading(harness, commits=True) as (source, reading):
        if not isinstance(source, Backlogs):
            return
        backlog = await source.backlog()
        expect_that(backlog.changes in (5, None), f"the backlog of 5 messages: {backlog}")
        await _until_bodies(reading, 0, 5)
        await _until_count(harness, 0)
        backlog = await source.backlog()
        expect_that(backlog.changes in (0, None), f"the backlog of an empty queue: {backlog}")
        expect_that(not backlog.oldest_seconds, f"the age of nothing: {backlog}")


async def a_good_system_has_no_errors(harness: MessageSourceHarness) -> None:
    """A probe of a system that works finds no error, takes nothing, and figures are plausible."""
    await harness.send("0", {}, harness.group(0))
    async with _reading(harness) as (source, reading):
        await check_probe(source)
        await check_figures(source)
        await _until_bodies(reading, 0, 1)


async def closing_twice_is_harmless(harness: MessageSourceHarness) -> None:
    """A source may be closed at any time, more than once."""
    await check_closing(await harness.open_source())


CHECKS: tuple[Check, ...] = (
    every_message_is_delivered,
    a_message_comes_exactly,
    a_group_keeps_its_order,
    a_message_is_deleted_by_the_commit,
    a_commit_deletes_no_more,
    what_was_not_committed_comes_again,
    what_is_in_hand_stays_hidden,
    connecting_takes_nothing,
    a_cancelled_read_loses_nothing,
    connecting_again_goes_on,
    an_idle_source_proves_that_it_was_read,
    a_mark_comes_out,
    a_backlog_is_what_waits,
    a_good_system_has_no_errors,
    closing_twice_is_harmless,
)
"""Every promise; run each against a queue of its own."""


@asynccontextmanager
async def _reading(
    harness: MessageSourceHarness, *, commits: bool = False
) -> AsyncIterator[tuple[Source, Reading]]:
    async with opened(harness.open_source, harness.patience_seconds, commits=commits) as both:
        yield both


def _message(record: object) -> Message:
    if not isinstance(record, Message):
        raise AssertionError("a source of messages delivers messages")
    return record


def _bodies(reading: Reading) -> set[str]:
    return {_message(change.record).body for change in reading.changes}


def _check_order(harness: MessageSourceHarness, reading: Reading, end: int, groups: int) -> None:
    """In a FIFO queue each group delivered its own of the numbers below ``end``, once and in order."""
    numbers = [int(_message(change.record).body) for change in reading.changes]
    for group in range(groups if harness.fifo else 0):
        found = [number for number in numbers if number % groups == group]
        expect(found, list(range(group, end, groups)), f"the order of group {group}")


async def _until_bodies(reading: Reading, begin: int, end: int) -> None:
    wanted = {str(number) for number in range(begin, end)}
    await reading.until(lambda: wanted <= _bodies(reading), f"all {end - begin} messages come")


async def _until_count(harness: MessageSourceHarness, expected: int) -> None:
    found = await harness.count()
    for _ in range(int(harness.patience_seconds * 20)):
        if found == expected:
            return
        await asyncio.sleep(0.05)
        found = await harness.count()
    expect(found, expected, "messages in the queue")


async def _read_for(reading: Reading, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while True:
                await reading.step()
    except TimeoutError:
        return
