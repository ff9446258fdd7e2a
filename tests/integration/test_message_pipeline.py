"""A pipeline of messages over the reference connector and the real store: what an operator relies on."""

import asyncio
import random
from contextlib import asynccontextmanager

import pytest

from connectors.memory import (
    MarkedMemoryMessageSource,
    MemoryBus,
    MemoryMessageSink,
    MemoryQueue,
    MemorySinkSettings,
    MemorySourceSettings,
    Unrest,
)
from replicator.config.limits import Limits
from replicator.config.settings import Gate
from replicator.engine.gate import reasons_of
from replicator.engine.parts import Parts
from replicator.engine.status import State, observation_of
from replicator.engine.supervisor import Charge, Supervisor
from replicator.model.clock import SystemClock
from replicator.model.errors import NotNowError, TransientError
from replicator.model.record import record_from_json
from replicator.state import SqliteStore

LIMITS = Limits(sink_call_seconds_max=0.5, checkpoint_seconds=0.05, retry_seconds_max=0.2)
SOURCE = MemorySourceSettings(queue="events", poll_seconds=0.01, page_changes_max=10)
SINK = MemorySinkSettings(bus="events")


class UnsteadySink(MemoryMessageSink):
    """A sink of which some calls fail after they took effect, as if the answer was lost; all while down."""

    down = False

    def __init__(self, bus, dice):
        super().__init__(bus, SINK)
        self._dice = dice

    async def write(self, changes):
        if type(self).down:
            raise TransientError("down", settled=True)
        await super().write(changes)
        if self._dice.random() < 0.3:
            raise TransientError("the answer was lost")


class World:
    """A queue, a bus, and the supervisor between them."""

    source = MarkedMemoryMessageSource

    def __init__(self, state, *, fifo, unrest, mode, message_bytes_max):
        self.queue = MemoryQueue(fifo=fifo, unrest=unrest, visibility_seconds=0.5)
        self.bus = MemoryBus(sessions=fifo, message_bytes_max=message_bytes_max)
        self.state, self.mode = state, mode
        self.dice = random.Random(3)
        self.sink = type("Sink", (UnsteadySink,), {})

    def start(self):
        """A new supervisor over the same ends, at first and after a crash."""
        charge = Charge("events", "memory", "memory", self.parts, 15.0, clock=SystemClock())
        self.supervisor = Supervisor(charge, lambda _name, error: None)
        self.task = asyncio.create_task(self.supervisor.run())

    async def crash(self):
        """End it in the middle of whatever it does."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def parts(self):
        source, sink = self.source(self.queue, SOURCE), self.sink(self.bus, self.dice)
        clock, jitter = SystemClock(), random.Random(1)
        return Parts("events", source, sink, self.state, LIMITS, clock, jitter, mode=self.mode)

    def arrived(self, group=None):
        """The bodies on the bus, of one group or of all, in their order."""
        messages = [record_from_json(posted.body) for posted in self.bus.messages]
        return [message.body for message in messages if group in (None, message.group)]

    def reasons(self):
        """Codes of what keeps the gate closed."""
        return [reason.code for reason in reasons_of(observation_of(self.supervisor.status()), Gate())]

    async def letters(self):
        return await self.state.list_dead_letters("events", "open", 0, 100)


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(directory, *, fifo=False, unrest=None, mode="bridge", message_bytes_max=10_000):
    state = await SqliteStore.open(directory / "state.db")
    world = World(
        state, fifo=fifo, unrest=unrest or Unrest(), mode=mode, message_bytes_max=message_bytes_max
    )
    world.start()
    try:
        yield world
    finally:
        world.supervisor.stop()
        await world.task
        await state.close()


async def test_every_message_is_moved_once(tmp_path):
    """Repeats by the queue and by lost answers leave one copy of each; the queue is empty in the end."""
    unrest = Unrest(chance=random.Random(4), repeat=0.3, delay=0.3, delay_seconds_max=0.2, reorder=0.5)
    async with running(tmp_path, unrest=unrest) as world:
        for number in range(300):
            world.queue.send(f"{number}")
        await until(lambda: world.queue.counts() == (0, 0))
        assert sorted(map(int, world.arrived())) == list(range(300))
        await until(lambda: world.reasons() == [])


async def test_groups_keep_their_order(tmp_path):
    """Whatever fails and is repeated, a group's messages arrive in the order in which they were sent."""
    async with running(tmp_path, fifo=True) as world:
        for number in range(200):
            world.queue.send(f"{number}", group=f"g{number % 7}", deduplication_id=f"d{number}")
        await until(lambda: world.queue.counts() == (0, 0))
        for group in range(7):
            assert world.arrived(f"g{group}") == [str(number) for number in range(group, 200, 7)]


async def test_nothing_is_deleted_before_it_has_arrived(tmp_path):
    """While the sink is down every message stays in the queue, also over a crash."""
    async with running(tmp_path) as world:
        world.sink.down = True
        for number in range(25):
            world.queue.send(f"{number}")
        await until(lambda: world.queue.counts().hidden)
        await asyncio.sleep(0.7)  # longer than the queue hides them by itself
        assert sum(world.queue.counts()) == 25
        await world.crash()
        assert sum(world.queue.counts()) == 25
        world.sink.down = False
        world.start()
        await until(lambda: world.queue.counts() == (0, 0))
        assert sorted(map(int, world.arrived())) == list(range(25))


class DeafSource(MarkedMemoryMessageSource):
    """A source that cannot be told to forget anything."""

    async def commit(self, positions):
        raise TransientError("unreachable", settled=True)


async def test_a_stop_does_not_wait_for_a_source_that_is_away(tmp_path, monkeypatch):
    """What it was not told comes again; the process ends all the same."""
    monkeypatch.setattr("replicator.engine.pipeline.LAST_WORD_SECONDS_MAX", 0.2)
    async with running(tmp_path) as world:
        world.source = DeafSource
        await world.crash()
        world.start()
        world.queue.send("1")
        await until(lambda: world.arrived() == ["1"])
        world.supervisor.stop()
        async with asyncio.timeout(10):
            await world.task
        assert sum(world.queue.counts()) == 1


async def test_a_held_queue_is_left_alone(tmp_path):
    """Held, nothing is taken; the gate wants to know what waits, and that the sink would take it."""
    async with running(tmp_path, mode="hold") as world:
        for number in range(5):
            world.queue.send(f"{number}")
        await until(lambda: world.reasons() == [])
        status = world.supervisor.status()
        assert (status.queue.mode, status.queue.backlog_changes, status.healthy) == ("hold", 5, True)
        assert world.queue.counts() == (5, 0)
        assert world.arrived() == []
        with pytest.raises(NotNowError, match="held"):
            await world.supervisor.barrier()


async def test_a_barrier_proves_that_everything_was_moved(tmp_path):
    """An end message is seen, and does not reach the sink."""
    async with running(tmp_path) as world:
        await until(lambda: world.supervisor.state is State.RUNNING)
        for number in range(30):
            world.queue.send(f"{number}")
        assert await world.supervisor.barrier() == "by mark"
        assert sorted(map(int, world.arrived())) == list(range(30))


async def test_a_refused_message_stops_its_group_and_no_other(tmp_path):
    """What follows it is kept behind it in order; settled in order, the group goes on where it was."""
    async with running(tmp_path, fifo=True, message_bytes_max=400) as world:
        for body, group in (("a1", "a"), ("x" * 500, "a"), ("a3", "a"), ("b1", "b"), ("a4", "a")):
            world.queue.send(body, group=group, deduplication_id=body[:3])
        await until(lambda: world.queue.counts() == (0, 0))
        assert (world.arrived("a"), world.arrived("b")) == (["a1"], ["b1"])
        refused, third, fourth = await world.letters()
        assert (refused.error_code, third.error_code) == ("change_refused", "group_stopped")
        assert "dead_letters" in world.reasons()
        with pytest.raises(NotNowError, match="earlier"):
            await world.supervisor.replay(third)
        assert not await world.supervisor.replay(refused)
        world.bus.message_bytes_max = 1_000
        for letter in (refused, third, fourth):
            assert await world.supervisor.replay(letter)
        world.queue.send("a5", group="a", deduplication_id="a5")
        await until(lambda: world.arrived("a")[-1] == "a5")
        assert world.arrived("a") == ["a1", "x" * 500, "a3", "a4", "a5"]


async def test_a_stopped_group_stays_stopped_over_a_crash(tmp_path):
    """A new process knows the dead letters of the one before."""
    async with running(tmp_path, fifo=True, message_bytes_max=400) as world:
        world.queue.send("x" * 500, group="a", deduplication_id="1")
        await until(lambda: world.queue.counts() == (0, 0))
        await world.crash()
        world.start()
        world.queue.send("a2", group="a", deduplication_id="2")
        await until(lambda: world.queue.counts() == (0, 0))
        assert world.arrived() == []
        assert [letter.error_code for letter in await world.letters()] == [
            "change_refused",
            "group_stopped",
        ]
        for letter in await world.letters():
            await world.state.settle_dead_letter(letter.id, "waived")
        await world.supervisor.recount()
        world.queue.send("a3", group="a", deduplication_id="3")
        await until(lambda: world.arrived() == ["a3"])


async def test_a_refused_message_of_no_group_holds_up_nothing(tmp_path):
    """The others of its batch arrive."""
    async with running(tmp_path, message_bytes_max=400) as world:
        for body in ("1", "x" * 500, "2", "3"):
            world.queue.send(body)
        await until(lambda: world.queue.counts() == (0, 0))
        assert sorted(world.arrived()) == ["1", "2", "3"]
        assert len(await world.letters()) == 1
