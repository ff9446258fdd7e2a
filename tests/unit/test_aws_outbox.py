"""What waits to be read: batches in order, the latest word of each partition, and troubles behind them."""

import asyncio

import pytest

from connectors.aws.outbox import Outbox
from replicator.model.change import Batch
from replicator.model.errors import PositionLostError, TransientError


async def test_an_outbox_keeps_troubles_behind_batches():
    """What waits is read first, then a trouble is raised once, and forgotten once it is over."""
    outbox = Outbox()
    failures = [TransientError("no", reason="throttled", settled=True)]

    async def attempt():
        if failures:
            raise failures.pop()
        return "page"

    outbox.put(Batch("s", (), "p"))
    trying = asyncio.create_task(outbox.persist("s", attempt))
    assert (await outbox.take()).partition == "s"
    with pytest.raises(TransientError):
        await outbox.take()
    assert await trying == "page"
    outbox.put(Batch("s", (), "q"))
    assert (await outbox.take()).position == "q"


async def test_an_outbox_fails_for_good_after_its_batches():
    """What was read before is delivered; then every read raises."""
    outbox = Outbox()
    outbox.put(Batch("s", (), "p"))
    outbox.fail(PositionLostError("gone"))
    assert (await outbox.take()).position == "p"
    for _ in range(2):
        with pytest.raises(PositionLostError):
            await outbox.take()


async def test_a_cancelled_take_loses_nothing():
    """Whoever gave up waiting leaves the next batch where it is."""
    outbox = Outbox()
    waiting = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    outbox.put(Batch("s", (), "p"))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await outbox.take()).position == "p"


async def test_what_quiet_shards_say_takes_one_place_each():
    """A reader that pauses for days finds the latest word of each shard, not one per second."""
    outbox = Outbox()
    for number in range(1000):
        for shard in ("a", "b"):
            outbox.put(Batch(shard, (), str(number), read_to=float(number)))
    assert [(await outbox.take()).position for _ in range(2)] == ["999", "999"]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await outbox.take()


async def test_a_quiet_word_never_overtakes_what_its_shard_delivered():
    """A position behind a batch that waits must not be told before that batch."""
    outbox = Outbox()
    outbox.put(Batch("a", (), "1"))
    outbox.put(Batch("a", (), "2", ended=True))
    outbox.put(Batch("a", (), "3"))
    async with asyncio.timeout(1.0):
        assert [(await outbox.take()).position for _ in range(3)] == ["1", "2", "3"]


async def test_who_put_a_batch_is_told_when_it_is_read():
    """Once, and not for the words that replaced one another."""
    outbox, taken = Outbox(), []
    outbox.put(Batch("a", (), "1", ended=True), taken=lambda: taken.append("1"))
    outbox.put(Batch("a", (), "2"))
    assert taken == []
    for _ in range(2):
        await outbox.take()
    assert taken == ["1"]


async def test_an_outbox_that_recovered_gives_again():
    """A failure is over when its readers go on."""
    outbox = Outbox()
    outbox.fail(PositionLostError("gone"))
    outbox.recover()
    outbox.put(Batch("s", (), "p"))
    assert (await outbox.take()).position == "p"
