"""The promises of a sink of messages, as checks for any connector that has one.

Each check takes a ``MessageSinkHarness`` over a queue or bus that is empty at its start. A check of an
ability that the sink does not have passes; whether it should have it is for the connector's own tests. A
broken promise raises AssertionError with its words.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

from replicator.connector import Trials, Writes
from replicator.model.change import Change, Kind
from replicator.model.errors import BatchError, ChangeError, ReplicatorError
from replicator.model.key import Key
from replicator.model.record import Message
from replicator.testing.expect import expect, expect_that
from replicator.testing.reading import check_probe


class Landed(NamedTuple):
    """A message as whoever reads the sink's system finds it."""

    group: str | None
    body: str


@dataclass(frozen=True)
class MessageSinkHarness:
    """What a check needs of the system under test.

    Attributes:
        open_sink: a new, unconnected sink into the system.
        contents: what a consumer would find, in the order in which it would be delivered; nothing is taken.
        grouped: whether the system keeps groups (sessions); messages have a group exactly then.
        refused: a message like this one, of the same id and group, that the sink refuses for good; None
            where there is no such thing.
    """

    open_sink: Callable[[], Awaitable[Writes]]
    contents: Callable[[], Awaitable[Sequence[Landed]]]
    grouped: bool
    refused: Callable[[Message], Message] | None = None

    def message(self, number: int, group: str = "group") -> Change:
        """A message whose body is its number."""
        return _change(Message(f"id-{number}", f"body {number}", {}, group if self.grouped else None))

    def landed(self, number: int, group: str = "group") -> Landed:
        """The same message, arrived."""
        return Landed(group if self.grouped else None, f"body {number}")

    def refusal(self, number: int, group: str = "group") -> Change:
        """A message that is refused."""
        record = self.message(number, group).record
        if self.refused is None or not isinstance(record, Message):
            raise AssertionError("nothing is known that is refused")
        return _change(self.refused(record))


Check = Callable[[MessageSinkHarness], Awaitable[None]]


async def messages_land_in_order(harness: MessageSinkHarness) -> None:
    """Within a call and from call to call, messages of a group land in the order given."""
    async with _connected(harness) as sink:
        size = min(7, sink.batch_changes_max)
        changes = [harness.message(number) for number in range(21)]
        for begin in range(0, len(changes), size):
            await sink.write(changes[begin : begin + size])
        await _expect(harness, [harness.landed(number) for number in range(21)])


async def writes_are_durable_when_they_return(harness: MessageSinkHarness) -> None:
    """What was written is there after the sink was closed."""
    async with _connected(harness) as sink:
        await sink.write([harness.message(1)])
        await sink.close()
        await _expect(harness, [harness.landed(1)])


async def a_full_batch_is_taken(harness: MessageSinkHarness) -> None:
    """A write takes ``batch_changes_max`` messages of one group."""
    async with _connected(harness) as sink:
        changes = [harness.message(number) for number in range(sink.batch_changes_max)]
        expect(len({sink.group(change.key) for change in changes}), 1, "messages of one group are one call")
        await sink.write(changes)
        await _expect(harness, [harness.landed(number) for number in range(len(changes))])


async def the_same_message_again_is_dropped(harness: MessageSinkHarness) -> None:
    """A message that was written before, alone or among others, by whichever sink, does not land again."""
    async with _connected(harness) as sink:
        await sink.write([harness.message(0), harness.message(1)])
        await sink.write([harness.message(0), harness.message(1)])
    async with _connected(harness) as other:
        await other.write([harness.message(1), harness.message(2)])
        await _expect(harness, [harness.landed(number) for number in range(3)])


async def equal_messages_are_not_duplicates(harness: MessageSinkHarness) -> None:
    """Only the id tells duplicates: messages of the same content under other ids all land."""
    async with _connected(harness) as sink:
        first = harness.message(0)
        for number in range(3):
            record = _message(first)._replace(id=f"other-{number}", deduplication_id="the same")
            await sink.write([_change(record)])
        await _expect(harness, [harness.landed(0)] * 3)


async def a_message_keeps_its_group(harness: MessageSinkHarness) -> None:
    """Messages of several groups, written at once, each land in their own and in its order."""
    if not harness.grouped:
        return
    groups = [f"group {index} \u00e9" for index in range(4)]
    async with _connected(harness) as sink:
        for begin in range(0, 9, 3):
            numbers = range(begin, begin + 3)
            calls = [[harness.message(4 * n + i, groups[i]) for n in numbers] for i in range(4)]
            await asyncio.gather(*(sink.write(call) for call in calls))
        landed = await harness.contents()
        for index, group in enumerate(groups):
            found = [each for each in landed if each.group == group]
            expected = [harness.landed(4 * n + index, group) for n in range(9)]
            expect(found, expected, f"what landed of {group}")


async def calls_may_run_at_once(harness: MessageSinkHarness) -> None:
    """Calls made at the same time all hold, and none of their messages lands twice."""
    async with _connected(harness) as sink:
        calls = [[harness.message(n, f"group-{n % 8}")] for n in range(40)]
        await asyncio.gather(*(sink.write(call) for call in calls))
        expected = sorted(harness.landed(n, f"group-{n % 8}") for n in range(40))
        expect(sorted(await harness.contents()), expected, "what landed")


async def a_refused_message_is_named_exactly(harness: MessageSinkHarness) -> None:
    """``BatchError`` names what did not land, and calls only what is refused a ``ChangeError``."""
    if harness.refused is None:
        return
    async with _connected(harness) as sink:
        changes = [harness.message(0), harness.refusal(1), harness.message(2)]
        failures = await _failures(sink, changes)
        refused = [key for key, error in failures.items() if isinstance(error, ChangeError)]
        expect(refused, [changes[1].key], "what is refused for good")
        landed = [harness.landed(0)] if harness.grouped else [harness.landed(0), harness.landed(2)]
        await _expect(harness, landed)
        expected = [change.key for change in (changes[1:] if harness.grouped else changes[1:2])]
        expect(sorted(failures), sorted(expected), "a batch error names exactly what did not land")


async def nothing_lands_behind_a_refusal(harness: MessageSinkHarness) -> None:
    """What waited behind a refused message of its group lands when it is written again, in order."""
    if harness.refused is None:
        return
    async with _connected(harness) as sink:
        batch = [harness.message(0), harness.refusal(1), harness.message(2), harness.message(3)]
        failures = await _failures(sink, batch)
        again = [change for change in batch if change.key in failures and change.key != batch[1].key]
        if again:
            await sink.write(again)
        await _expect(harness, [harness.landed(number) for number in (0, 2, 3)])


async def a_single_refused_message_is_a_change_error(harness: MessageSinkHarness) -> None:
    """A write of one message that the sink refuses raises ``ChangeError``, and nothing lands."""
    if harness.refused is None:
        return
    async with _connected(harness) as sink:
        try:
            await sink.write([harness.refusal(0)])
        except ChangeError:
            await _expect(harness, [])
        else:
            raise AssertionError("a refused message must raise ChangeError")


async def trying_leaves_nothing(harness: MessageSinkHarness) -> None:
    """A trial, repeated, is seen by nobody and keeps no real message from landing."""
    async with _connected(harness) as sink:
        if isinstance(sink, Trials):
            for _ in range(3):
                await sink.try_write()
            await _expect(harness, [])
            await sink.write([harness.message(0)])
            await sink.try_write()
            await _expect(harness, [harness.landed(0)])


async def a_good_system_has_no_errors(harness: MessageSinkHarness) -> None:
    """A probe of a system that works finds no error and leaves nothing."""
    async with _connected(harness) as sink:
        await check_probe(sink)
        await _expect(harness, [])


async def closing_twice_is_harmless(harness: MessageSinkHarness) -> None:
    """A sink may be closed at any time, more than once, and connected more than once."""
    sink = await harness.open_sink()
    await sink.close()
    async with _connected(harness) as connected:
        await connected.connect()
        await connected.write([harness.message(0)])
        await connected.close()


CHECKS: tuple[Check, ...] = (
    messages_land_in_order,
    writes_are_durable_when_they_return,
    a_full_batch_is_taken,
    the_same_message_again_is_dropped,
    equal_messages_are_not_duplicates,
    a_message_keeps_its_group,
    calls_may_run_at_once,
    a_refused_message_is_named_exactly,
    nothing_lands_behind_a_refusal,
    a_single_refused_message_is_a_change_error,
    trying_leaves_nothing,
    a_good_system_has_no_errors,
    closing_twice_is_harmless,
)
"""Every promise; run each against a system of its own."""


@asynccontextmanager
async def _connected(harness: MessageSinkHarness) -> AsyncIterator[Writes]:
    sink = await harness.open_sink()
    try:
        await sink.connect()
        yield sink
    finally:
        await sink.close()


def _change(message: Message) -> Change:
    key: Key = (message.id,) if message.group is None else (message.group, message.id)
    return Change(Kind.UPSERT, key, message, message.sent_at)


def _message(change: Change) -> Message:
    if not isinstance(change.record, Message):
        raise AssertionError("this is no message")
    return change.record


async def _failures(sink: Writes, changes: Sequence[Change]) -> dict[Key, ReplicatorError]:
    try:
        await sink.write(changes)
    except BatchError as error:
        return error.failures
    raise AssertionError("a batch with a refused message must raise BatchError")


async def _expect(harness: MessageSinkHarness, expected: Sequence[Landed]) -> None:
    found = list(await harness.contents())
    expect_that(found == list(expected), f"expected {list(expected)[:5]}…, found {found[:5]}…")
