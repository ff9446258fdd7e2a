"""Backpressure: while a sink is slow or down and the source goes on, what is in memory stays bounded."""

import asyncio
import random
from contextlib import asynccontextmanager

import pytest

from connectors.memory import (
    MarkedMemoryMessageSource,
    MarkedMemoryObjectSource,
    MarkedMemorySource,
    MemoryBucket,
    MemoryBus,
    MemoryContainer,
    MemoryMessageSink,
    MemoryObjectSink,
    MemoryObjectStore,
    MemoryQueue,
    MemorySink,
    MemorySinkSettings,
    MemorySourceSettings,
    MemoryTable,
)
from replicator.config.limits import Limits
from replicator.engine.parts import Parts
from replicator.engine.supervisor import Charge, Supervisor
from replicator.model.clock import SystemClock
from replicator.model.errors import TransientError
from replicator.state import SqliteStore

PAGE = 10
FLOOD = 600
BODY = "x" * 500
QUICK = {
    "sink_call_seconds_max": 60,
    "lease_seconds": 180,
    "checkpoint_seconds": 0.05,
    "retry_seconds_max": 0.1,
}
COUNTED = Limits(changes_in_flight_max=50, sink_calls_in_flight_max=4, **QUICK)
WEIGHED = Limits(bytes_in_flight_max=20_000, sink_calls_in_flight_max=4, **QUICK)


class Valve:
    """What stands before every write to a sink: open, held (calls wait), or down (calls fail)."""

    def __init__(self):
        self.opened = asyncio.Event()
        self.opened.set()
        self.down = False
        self.calls = 0
        self.calls_most = 0

    async def pass_through(self, write):
        self.calls += 1
        self.calls_most = max(self.calls_most, self.calls)
        try:
            if self.down:
                raise TransientError("down", settled=True)
            await self.opened.wait()
            return await write
        finally:
            self.calls -= 1
            write.close()

    def close(self, how):
        self.down = how == "down"
        if how == "held":
            self.opened.clear()

    def open(self):
        self.down = False
        self.opened.set()


def valved(kind, method):
    """The sink with a valve before one of its methods."""

    class Valved(kind):
        valve: Valve

    async def call(self, *arguments):
        return await self.valve.pass_through(getattr(kind, method)(self, *arguments))

    setattr(Valved, method, call)
    return Valved


class Items:
    """A table and a container."""

    def __init__(self):
        self.table, self.container = MemoryTable(), MemoryContainer()
        self.ends = (
            MarkedMemorySource(self.table, MemorySourceSettings(table="t", page_changes_max=PAGE)),
            valved(MemorySink, "write")(self.container, MemorySinkSettings(container="t")),
        )

    def flood(self):
        for number in range(FLOOD):
            self.table.put((f"k{number}",), {"pk": {"S": f"k{number}"}, "body": {"S": BODY}})

    def arrived(self):
        return len(self.container.rows)


class Objects:
    """A bucket and a store of objects."""

    def __init__(self):
        self.bucket, self.store = MemoryBucket(events=MemoryQueue()), MemoryObjectStore()
        source = MemorySourceSettings(bucket="b", page_changes_max=PAGE, poll_seconds=0.01)
        self.ends = (
            MarkedMemoryObjectSource(self.bucket, source),
            valved(MemoryObjectSink, "upload")(self.store, MemorySinkSettings(storage="b")),
        )

    def flood(self):
        for number in range(FLOOD):
            self.bucket.put(f"k{number:03}", BODY.encode())

    def arrived(self):
        page, _ = self.store.objects.page(self.store.objects.pieces(1)[0], None, 100_000)
        return len(page)


class Messages:
    """A queue and a bus."""

    def __init__(self):
        self.queue, self.bus = MemoryQueue(), MemoryBus()
        source = MemorySourceSettings(queue="q", page_changes_max=PAGE, poll_seconds=0.01)
        self.ends = (
            MarkedMemoryMessageSource(self.queue, source),
            valved(MemoryMessageSink, "write")(self.bus, MemorySinkSettings(bus="q")),
        )

    def flood(self):
        for number in range(FLOOD):
            self.queue.send(f"{number} {BODY}")

    def arrived(self):
        return len(self.bus.messages)


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(directory, shape, limits):
    """A supervisor over the ends of a shape, whose sink has a valve, once it is past its backfill."""
    state, world, valve = await SqliteStore.open(directory / "state.db"), shape(), Valve()
    world.ends[1].valve = valve
    mode = "bridge" if shape is Messages else None

    def parts():
        return Parts("p", *world.ends, state, limits, SystemClock(), random.Random(1), mode=mode)

    charge = Charge("p", "memory", "memory", parts, 15.0, verify=False, limits=limits, clock=SystemClock())
    supervisor = Supervisor(charge, lambda _name, error: None)
    task = asyncio.create_task(supervisor.run())
    try:
        await until(lambda: supervisor.status().lag is not None)
        if shape is not Messages:
            await until(lambda: supervisor.status().proof is not None)
        yield world, valve, supervisor
    finally:
        valve.open()
        supervisor.stop()
        await task
        await state.close()


def in_hand(supervisor):
    """Changes and bytes that are in memory, whatever a shape does with them there."""
    status = supervisor.status()
    lanes = status.lanes if status.shape.value == "objects" else 0
    return max(status.changes_in_flight, lanes), status.bytes_in_flight


async def watch(supervisor, seconds):
    """The most that was in hand over this time."""
    most, until_then = (0, 0), asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < until_then:
        most = tuple(max(pair) for pair in zip(most, in_hand(supervisor), strict=True))
        await asyncio.sleep(0.01)
    return most


@pytest.mark.parametrize("how", ["held", "down"])
@pytest.mark.parametrize("shape", [Items, Objects, Messages])
async def test_reading_pauses_at_the_count_and_goes_on(tmp_path, shape, how):
    """No more than the limit and a page are in hand, no call too many; opened, everything arrives."""
    async with running(tmp_path, shape, COUNTED) as (world, valve, supervisor):
        valve.close(how)
        world.flood()
        await until(lambda: in_hand(supervisor)[0] >= COUNTED.changes_in_flight_max)
        changes, _ = await watch(supervisor, 0.4)
        assert changes < COUNTED.changes_in_flight_max + PAGE
        assert valve.calls_most <= COUNTED.sink_calls_in_flight_max
        assert world.arrived() == 0
        valve.open()
        await until(lambda: world.arrived() == FLOOD)


@pytest.mark.parametrize("shape", [Items, Messages])
async def test_reading_pauses_at_the_bytes_and_goes_on(tmp_path, shape):
    """Large changes are held by their size; bodies of objects are streamed and never in hand."""
    async with running(tmp_path, shape, WEIGHED) as (world, valve, supervisor):
        valve.close("held")
        world.flood()
        await until(lambda: in_hand(supervisor)[1] >= WEIGHED.bytes_in_flight_max)
        changes, size = await watch(supervisor, 0.4)
        assert size < WEIGHED.bytes_in_flight_max + PAGE * 2 * len(BODY)
        assert changes < FLOOD / 4
        valve.open()
        await until(lambda: world.arrived() == FLOOD)


@pytest.mark.parametrize("shape", [Items, Objects, Messages])
async def test_limits_follow_a_change_while_reading_pauses(tmp_path, shape):
    """Raised, more is read and more calls are made; lowered, no more than that is begun."""
    async with running(tmp_path, shape, COUNTED) as (world, valve, supervisor):
        valve.close("held")
        world.flood()
        await until(lambda: in_hand(supervisor)[0] >= COUNTED.changes_in_flight_max)
        raised = {"changes_in_flight_max": 300, "sink_calls_in_flight_max": 16, "batch_changes_max": 5}
        supervisor.change_limits(COUNTED.model_copy(update=raised))
        await until(lambda: in_hand(supervisor)[0] >= 300)
        await until(lambda: valve.calls == 16)
        supervisor.change_limits(COUNTED.model_copy(update={"sink_calls_in_flight_max": 1}))
        valve.open()
        await until(lambda: valve.calls <= 1)
        valve.calls_most = 0
        await until(lambda: world.arrived() == FLOOD)
        assert valve.calls_most <= 1


async def test_rows_of_a_backfill_are_bounded_by_pages(tmp_path):
    """A piece holds the page that is written and one that is read ahead, and no more pieces are begun."""
    limits = COUNTED.model_copy(update={"backfill_pieces_in_flight_max": 2})
    state, valve = await SqliteStore.open(tmp_path / "state.db"), Valve()
    table = MemoryTable()
    for number in range(FLOOD):
        table.put((f"k{number}",), {"pk": {"S": f"k{number}"}})
    container = MemoryContainer()
    sink = valved(MemorySink, "insert")(container, MemorySinkSettings(container="t"))
    sink.valve = valve
    valve.close("held")
    source = MarkedMemorySource(table, MemorySourceSettings(table="t", page_rows_max=PAGE, pieces=8))
    clock = SystemClock()
    charge = Charge(
        "p",
        "memory",
        "memory",
        lambda: Parts("p", source, sink, state, limits, clock, random.Random(1)),
        15.0,
        verify=False,
        limits=limits,
        clock=clock,
    )
    supervisor = Supervisor(charge, lambda _name, error: None)
    task = asyncio.create_task(supervisor.run())
    try:
        await until(lambda: valve.calls)
        await asyncio.sleep(0.3)
        assert supervisor.status().lanes <= 2 * PAGE
        valve.open()
        await until(lambda: len(container.rows) == FLOOD)
    finally:
        valve.open()
        supervisor.stop()
        await task
        await state.close()


class ThrottledSource(MarkedMemorySource):
    """A source whose scans are throttled so many times."""

    left = 8

    async def scan(self, piece, cursor):
        if self.left:
            self.left -= 1
            raise TransientError("scan: slow down", reason="throttled", settled=True)
        return await super().scan(piece, cursor)


async def test_a_throttled_source_is_told_with_its_reason(tmp_path):
    """Scans are repeated until all is copied; the status says since when fewer are made, and why."""
    world = Items()
    world.flood()
    source = ThrottledSource(world.table, MemorySourceSettings(table="t", pieces=8))
    world.ends = (source, world.ends[1])
    async with running(tmp_path, lambda: world, COUNTED) as (_, _valve, supervisor):
        await until(lambda: world.arrived() == FLOOD)
        calls = {each.side: each for each in supervisor.status().calls}
        assert calls["source"].message == "scan: slow down"
        assert calls["source"].throttled_at is not None
        assert 1 <= calls["source"].calls_allowed <= calls["source"].calls_max == 4
        assert calls["sink"].throttled_at is None
