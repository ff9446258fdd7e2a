"""What an SQS source has in hand: when it comes again, when calls fail, and when the source goes."""

import asyncio
import time

import pytest
from sqs_queue import SPARE, queue

from replicator.connector import Severity
from replicator.model.errors import PermanentError, TransientError

KINDS = pytest.mark.parametrize("kind", ["standard", "fifo"])


class Reading:
    """Reads a source in the background and commits only when told to."""

    def __init__(self, source):
        self.source, self.bodies, self.batches = source, [], []

    async def __aenter__(self):
        self.start = await self.source.connect(None)
        self.position = dict(self.start.positions)
        self.task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.wait((self.task,))

    async def _run(self):
        while True:
            try:
                batch = await self.source.read()
            except TransientError:
                continue
            self.position = {batch.partition: batch.position}
            if batch.changes:
                self.batches.append(batch)
                self.bodies += [change.record.body for change in batch.changes]

    def receipt(self, body):
        """The newest receipt of a message in hand, which changes when it comes again."""
        (key,) = (
            change.key for batch in self.batches for change in batch.changes if change.record.body == body
        )
        return self.source._feed.hand._held[key[-1]].receipt

    async def until(self, condition):
        """Wait for something to have been read."""
        async with asyncio.timeout(20):
            while not condition():
                assert not self.task.done()
                await asyncio.sleep(0.02)


async def struck(local_clouds):
    """Wait until the fault that was added has befallen a call."""
    async with asyncio.timeout(10):
        while (await local_clouds.aws.faults())[0]["count"] == 3:
            await asyncio.sleep(0.05)


async def emptied(opened):
    """Wait until the queue holds nothing at all."""
    async with asyncio.timeout(10):
        while await opened.count():
            await asyncio.sleep(0.05)


@KINDS
async def test_what_comes_again_while_in_hand_is_swallowed(local_clouds, environment, name, kind):
    """Nobody is told of it twice, what follows it in its group waits, and the commit still deletes it."""
    async with queue(name, **SPARE[kind]) as opened:
        await opened.send("1", group="a")
        await local_clouds.aws.add_fault(
            kind="error",
            service="sqs",
            operation="ChangeMessageVisibilityBatch",
            queue=opened.name,
            count=None,
        )
        async with Reading(opened.source(hidden_seconds=2)) as reading:
            await reading.until(lambda: reading.bodies)
            committed = dict(reading.position)
            await opened.send("2", group="a")
            receipts = set()
            await reading.until(lambda: receipts.add(reading.receipt("1")) or len(receipts) == 3)
            if not opened.fifo:
                await reading.until(lambda: "2" in reading.bodies)
            assert reading.bodies == (["1"] if opened.fifo else ["1", "2"])
            await local_clouds.aws.clear_faults()
            await reading.source.commit(committed)
            await reading.until(lambda: "2" in reading.bodies)
            await reading.source.commit(reading.position)
            await emptied(opened)
            assert reading.bodies == ["1", "2"]


@KINDS
@pytest.mark.parametrize("fault", ["error", "reset_after", "throttle"])
async def test_a_commit_that_failed_is_repeated(local_clouds, environment, name, kind, fault):
    """What was left is still in hand; nothing is told twice meanwhile."""
    async with queue(name, **SPARE[kind]) as opened:
        for number in range(5):
            await opened.send(str(number), group="a")
        await local_clouds.aws.add_fault(
            kind=fault, service="sqs", operation="DeleteMessageBatch", queue=opened.name
        )
        async with Reading(opened.source()) as reading:
            await reading.until(lambda: len(reading.bodies) == 5)
            with pytest.raises(TransientError):
                await reading.source.commit(reading.position)
            await reading.source.commit(reading.position)
            await emptied(opened)
            assert sorted(reading.bodies) == ["0", "1", "2", "3", "4"]


@KINDS
async def test_connecting_again_after_a_failure_keeps_what_is_in_hand(
    local_clouds, environment, name, kind
):
    """It is not told twice, and can still be committed."""
    async with queue(name, **SPARE[kind]) as opened:
        await opened.send("1", group="a")
        async with Reading(opened.source()) as reading:
            await reading.until(lambda: reading.bodies)
            await local_clouds.aws.add_fault(
                kind="error", service="sqs", operation="ReceiveMessage", queue=opened.name,
                status=403, code="AccessDenied",
            )  # fmt: skip
            await asyncio.wait((reading.task,), timeout=10)
            assert isinstance(reading.task.exception(), PermanentError)
            assert "ReceiveMessage" in reading.task.exception().hint
            await reading.source.connect(reading.position)
            reading.task = asyncio.create_task(reading._run())
            await opened.send("2", group="b")
            await reading.until(lambda: len(reading.bodies) == 2)
            await reading.source.commit(reading.position)
            await emptied(opened)
            assert reading.bodies == ["1", "2"]


async def test_closing_does_not_wait_for_a_frozen_service(local_clouds, environment, name):
    """It is bounded; what could not be given back comes back by itself."""
    async with queue(name) as opened:
        await opened.send("1")
        source = opened.source()
        async with Reading(source) as reading:
            await reading.until(lambda: reading.bodies)
            await local_clouds.aws.add_fault(
                kind="slow", service="sqs", queue=opened.name, seconds=25, count=3
            )
            await struck(local_clouds)
        began = time.monotonic()
        await source.close()
        assert time.monotonic() - began < 17
        await local_clouds.aws.clear_faults()


async def test_in_hand_is_bounded(environment, name):
    """A reader that commits nothing is given about as much as the settings allow; the rest stays."""
    async with queue(name) as opened:
        for number in range(45):
            await opened.send(str(number))
        async with Reading(opened.source(messages_max=20, receivers_max=1)) as reading:
            await reading.until(lambda: len(reading.bodies) >= 20)
            await asyncio.wait((reading.task,), timeout=1.5)  # long enough for more to come, if more could
            assert len(reading.bodies) == 20
            while len(reading.bodies) < 45:
                await reading.source.commit(reading.position)
                more = len(reading.bodies)
                await reading.until(lambda more=more: len(reading.bodies) > more)


async def test_a_queue_can_be_named(environment, name):
    """By its name alone."""
    async with queue(name) as opened:
        await opened.send("1")
        async with Reading(opened.source(queue_url=None, queue=opened.name)) as reading:
            await reading.until(lambda: reading.bodies == ["1"])
            backlog = await reading.source.backlog()
            assert backlog.changes == 1
            assert 0 <= backlog.oldest_seconds < 20


async def test_the_probe_finds_missing_rights_and_other_consumers(local_clouds, environment, name):
    """Deleting and hiding are tried on a receipt of nothing; nothing is taken."""
    async with queue(name) as opened:
        await opened.send("1")
        for operation in ("DeleteMessageBatch", "ChangeMessageVisibilityBatch"):
            await local_clouds.aws.add_fault(
                kind="error", service="sqs", operation=operation, queue=opened.name,
                status=403, code="AccessDenied",
            )  # fmt: skip
        source = opened.source()
        found = await source.probe()
        assert [each.severity for each in found] == [Severity.ERROR] * 2
        assert {each.hint.split()[1] for each in found} == {
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
        }
        assert await opened.take(seconds=30) == ["1"]
        (finding,) = await source.probe()
        assert "other consumers" in finding.message
