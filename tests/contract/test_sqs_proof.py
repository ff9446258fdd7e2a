"""What an SQS source claims to have read, where messages are that nobody is given just now."""

import asyncio
import time

import pytest
from sqs_queue import SPARE, queue

from replicator.model.errors import TransientError

KINDS = pytest.mark.parametrize("kind", ["standard", "fifo"])


class Pump:
    """Reads and commits a source as an engine does, in the background."""

    def __init__(self, source):
        self.source, self.bodies, self.marks, self.read_to = source, [], {}, []

    async def __aenter__(self):
        await self.source.connect(None)
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.wait((self._task,))

    async def _run(self):
        while True:
            try:
                batch = await self.source.read()
            except TransientError:
                continue
            self.bodies += [change.record.body for change in batch.changes]
            self.marks |= {name: list(self.bodies) for name in batch.marks}
            self.read_to += [] if batch.read_to is None else [(batch.read_to, list(self.bodies))]
            await self.source.commit({batch.partition: batch.position})

    async def until(self, condition, seconds=20):
        """Wait for something to have been read."""
        async with asyncio.timeout(seconds):
            while not condition():
                assert not self._task.done(), self._task.exception()
                await asyncio.sleep(0.02)


@KINDS
async def test_a_mark_waits_for_what_another_consumer_gives_back(environment, name, kind):
    """A message that somebody else had in hand when the mark was asked for comes before the mark."""
    async with queue(name, **SPARE[kind]) as opened:
        await opened.send("1", group="a")
        await opened.take(seconds=4)
        async with Pump(opened.source(markers=True)) as pump:
            mark = await pump.source.mark()
            await pump.until(lambda: mark in pump.marks)
            assert pump.marks[mark] == ["1"]


async def test_a_mark_waits_for_what_is_delayed(environment, name):
    """A message that was sent with a delay before the mark comes before it."""
    async with queue(name) as opened:
        await opened.send("1", delay=4)
        async with Pump(opened.source(markers=True)) as pump:
            mark = await pump.source.mark()
            await pump.until(lambda: mark in pump.marks)
            assert pump.marks[mark] == ["1"]


@KINDS
async def test_an_answer_that_was_lost_leaves_no_false_proof(local_clouds, environment, name, kind):
    """What a lost answer has hidden is not taken for read: neither by a mark nor by how far it was read."""
    async with queue(name, **SPARE[kind]) as opened:
        await opened.send("1", group="a")
        sent = time.time()
        await local_clouds.aws.add_fault(
            kind="reset_after", service="sqs", operation="ReceiveMessage", queue=opened.name
        )
        async with Pump(opened.source(markers=True, hidden_seconds=4)) as pump:
            mark = await pump.source.mark()
            await pump.until(lambda: mark in pump.marks)
            assert pump.marks[mark] == ["1"]
            assert all(bodies == ["1"] for read_to, bodies in pump.read_to if read_to > sent)


async def test_a_predecessors_messages_are_waited_for(environment, name):
    """What a killed process had in hand is not taken for read until it has shown again."""
    async with queue(name) as opened:
        await opened.send("1")
        sent = time.time()
        await opened.take(seconds=3)
        async with Pump(opened.source(hidden_seconds=3)) as pump:
            await pump.until(lambda: any(read_to > sent for read_to, _ in pump.read_to))
            assert all(bodies == ["1"] for read_to, bodies in pump.read_to if read_to > sent)


@KINDS
async def test_a_steady_trickle_is_proved_read(environment, name, kind):
    """A queue that is never empty counts as read up to a little ago, and never beyond what has come."""
    async with queue(name, **SPARE[kind]) as opened, Pump(opened.source(poll_seconds=2)) as pump:
        began, number = time.time(), 0
        async with asyncio.timeout(30):
            while not any(read_to > began + 2 for read_to, _ in pump.read_to):
                await opened.send(str(number), group=f"g{number % 3}")
                number += 1
                await asyncio.sleep(0.2)


async def test_an_end_message_of_others_is_left_until_it_is_litter(environment, name):
    """It is never handed on, and whoever sent it can still be given it."""
    async with queue(name) as opened:
        stranger = opened.source(markers=True)
        await stranger.connect(None)
        await stranger.mark()
        async with Pump(opened.source()) as pump:
            await opened.send("1")
            await pump.until(lambda: pump.bodies == ["1"])
            await pump.until(lambda: pump.read_to)
        assert await opened.count() == 1
        assert pump.bodies == ["1"]
