"""The lease in virtual time: who may act, from when and until when."""

import asyncio
import random
from contextlib import closing

import pytest

from connectors.memory import MarkedMemorySource, MemoryContainer, MemorySink, MemoryTable
from connectors.memory.config import MemorySinkSettings, MemorySourceSettings
from replicator.config.limits import Limits
from replicator.connector import Conditions, Inserts, Marks, Reads, Retains, Scans, Uploads, Writes
from replicator.engine.lease import DRIFT, Leaseholder
from replicator.engine.leased import under_lease
from replicator.engine.limits import LiveLimits
from replicator.engine.retry import Retrier, Troubles
from replicator.model.errors import CheckpointConflictError, LeaseLostError, TransientError
from replicator.testing.disk import Disk, InMemoryStore
from replicator.testing.loop import VirtualClock, virtual_loop

LEASE, CALL = 9.0, 3.0
LIMITS = Limits(lease_seconds=LEASE, sink_call_seconds_max=CALL)


class Place:
    """A disk, a clock, and processes that want the pipeline."""

    def __init__(self, loop):
        self.disk, self.clock = Disk(), VirtualClock(loop)
        self.retrier = Retrier(LiveLimits(LIMITS), random.Random(1), Troubles(self.clock.wall))

    def holder(self, name, limits=LIMITS):
        """One that is about to take it."""
        return Leaseholder(InMemoryStore(self.disk, name), "orders", limits, self.clock)


def in_virtual_time(scenario):
    """Run the scenario, given a place, to its end."""
    with closing(virtual_loop("lease")) as loop:
        loop.run_until_complete(scenario(Place(loop)))


def test_who_looks_on_takes_over_a_whole_lease_after_the_last_renewal_it_saw():
    """Counted from when it was seen, slower than the holder counts, and by the holder's own lease."""

    async def scenario(place):
        first, second = (
            place.holder("a"),
            place.holder("b", LIMITS.model_copy(update={"lease_seconds": 6.0})),
        )
        assert (await first.take(place.retrier)).clean
        began = place.clock.monotonic()
        claim = await second.take(place.retrier)
        assert place.clock.monotonic() - began >= LEASE * DRIFT
        assert (claim.epoch, claim.clean, claim.call_seconds) == (2, False, CALL)
        assert (first.held, second.held, second.other) == (False, True, "a")

    in_virtual_time(scenario)


def test_a_holder_that_renews_keeps_others_waiting_and_gives_way_at_once():
    """As long as it renews nobody takes over; released, it is taken within a look."""

    async def scenario(place):
        first, second = place.holder("a"), place.holder("b")
        await first.take(place.retrier)
        keeping = asyncio.create_task(first.keep(place.retrier))
        taking = asyncio.create_task(second.take(place.retrier))
        await asyncio.sleep(10 * LEASE)
        assert (first.held, taking.done(), second.stands_by) == (True, False, True)
        keeping.cancel()
        await first.release(clean=True)
        async with asyncio.timeout(1.0):
            assert (await taking).clean

    in_virtual_time(scenario)


def test_nothing_is_sent_that_the_lease_might_not_outlive():
    """The last moment is a longest call before the end of the lease; a renewal counts from its question."""

    async def scenario(place):
        holder = place.holder("a")
        with pytest.raises(TransientError):
            holder.require()
        await holder.take(place.retrier)
        await asyncio.sleep(LEASE - CALL)
        holder.require()
        await asyncio.sleep(0.001)
        with pytest.raises(TransientError) as refused:
            holder.require()
        assert (refused.value.settled, refused.value.reason, holder.held) == (True, "lease", True)

    in_virtual_time(scenario)


def test_a_lease_that_was_taken_is_lost():
    """The renewal is refused, and so is whatever else is noted under the old epoch."""

    async def scenario(place):
        first = place.holder("a")
        await first.take(place.retrier)
        await InMemoryStore(place.disk, "b").claim("orders")
        with pytest.raises(LeaseLostError):
            await first.keep(place.retrier)
        assert first.stands_by
        with pytest.raises(CheckpointConflictError):
            await first.notes.add_tombstones("orders", 1, [("a",)])
        assert isinstance(first.behind(ValueError("late")), LeaseLostError)

    in_virtual_time(scenario)


def test_a_store_that_does_not_answer_costs_the_lease():
    """At its end, and not before; the same process takes it again without waiting for itself."""

    async def scenario(place):
        holder = place.holder("a")
        await holder.take(place.retrier)
        began = place.clock.monotonic()

        async def away(_pipeline, _epoch):
            await asyncio.Event().wait()

        holder._store.renew = away
        with pytest.raises(LeaseLostError):
            await holder.keep(place.retrier)
        assert place.clock.monotonic() - began == pytest.approx(LEASE)
        again = place.holder("a")
        claim = await again.take(place.retrier)
        assert (claim.epoch, claim.clean, place.clock.monotonic() - began) == (
            2,
            False,
            pytest.approx(LEASE),
        )

    in_virtual_time(scenario)


async def test_an_end_under_a_lease_has_its_abilities_and_asks_before_each_effect():
    """What it can do is what the end inside can do; reading asks nobody."""
    asked = []
    source = under_lease(
        MarkedMemorySource(MemoryTable(), MemorySourceSettings(table="t")), lambda: asked.append("source")
    )
    sink = under_lease(
        MemorySink(MemoryContainer(), MemorySinkSettings(container="c")), lambda: asked.append("sink")
    )
    assert all(isinstance(source, ability) for ability in (Marks, Reads, Scans, Retains))
    assert all(isinstance(sink, ability) for ability in (Writes, Inserts, Conditions, Reads))
    assert not isinstance(source, Writes)
    assert not isinstance(sink, (Marks, Uploads))
    assert sink.batch_changes_max > 0
    start = await source.connect(None)
    await sink.connect()
    await sink.fetch([("a",)])
    assert asked == []
    await source.mark()
    await source.commit(start.positions)
    await sink.write([])
    assert asked == ["source", "source", "sink"]
