"""Delivery under throttling: all writers together find the pace that a service allows, and keep to it."""

import asyncio
import random
from collections import deque
from contextlib import closing

from replicator.config.limits import Limits
from replicator.engine.calls import Calls
from replicator.engine.delivery import Delivery
from replicator.engine.lanes import CHANGE
from replicator.engine.limits import LiveLimits
from replicator.engine.retry import Retrier, Troubles
from replicator.engine.tracker import Ticket
from replicator.engine.written import Written
from replicator.model.change import Change, Kind
from replicator.model.errors import TransientError
from replicator.testing.loop import VirtualClock, virtual_loop

CALL_SECONDS = 0.05
LIMITS = Limits(sink_calls_in_flight_max=32, batch_changes_max=1)


class Service:
    """A sink that takes so many calls a second, refuses the others, and counts both."""

    batch_changes_max = 1
    name, rank, by_state = "apply", CHANGE, False

    def __init__(self, loop, per_second, retry_after=None):
        self._loop = loop
        self._retry_after = retry_after
        self.per_second = per_second
        self.taken: list[float] = []
        self.refused: list[float] = []
        self.under_way = self.under_way_most = 0
        self._last_second: deque[float] = deque()
        self._not_before: dict[object, float] = {}
        self.early = False

    async def connect(self):
        """Nothing to do."""

    def group(self, key):
        """Each key is written alone."""
        return key

    async def perform(self, changes):
        """One call."""
        (change,) = changes
        self.early |= self._loop.time() < self._not_before.pop(change.key, 0.0)
        self.under_way += 1
        self.under_way_most = max(self.under_way_most, self.under_way)
        await asyncio.sleep(CALL_SECONDS)
        self.under_way -= 1
        now = self._loop.time()
        while self._last_second and self._last_second[0] <= now - 1.0:
            self._last_second.popleft()
        if len(self._last_second) >= self.per_second:
            self.refused.append(now)
            self._not_before[change.key] = now + (self._retry_after or 0.0)
            raise TransientError(
                "429: slow down", reason="throttled", settled=True, retry_after_seconds=self._retry_after
            )
        self.taken.append(now)
        self._last_second.append(now)


class World:
    """A delivery in front of a service, in virtual time."""

    def __init__(self, loop, per_second, retry_after=None):
        clock, self.loop = VirtualClock(loop), loop
        self.limits = LiveLimits(LIMITS)
        self.calls = Calls("sink", lambda: self.limits.now.sink_calls_in_flight_max, clock)
        self.limits.follow(self.calls.admit)
        self.service = Service(loop, per_second, retry_after)
        retrier = Retrier(self.limits, random.Random(1), Troubles(clock.wall))
        self.delivery = Delivery(
            self.service, self.limits, self.calls, retrier, self._refuse, clock, Written()
        )

    async def _refuse(self, letters):
        raise AssertionError(letters)

    def submit(self, count):
        """So many changes of different keys; the future is done when all are written."""
        done = self.loop.create_future()
        changes = [Change(Kind.DELETE, (f"{number}",), None, 0.0) for number in range(count)]
        self.delivery.submit(self.service, changes, Ticket(count, lambda: done.set_result(None)))
        return done


def in_world(live, **service):
    """Live in a new world."""
    with closing(virtual_loop(1)) as loop:
        world = World(loop, **service)

        async def run():
            running = asyncio.create_task(world.delivery.run())
            try:
                await live(world)
            finally:
                running.cancel()

        loop.run_until_complete(run())
        return world


def test_without_throttling_every_call_is_used():
    """A service that takes everything is asked as often as the limit allows, to the last moment."""

    async def live(world):
        began = world.loop.time()
        await world.submit(3200)
        assert world.loop.time() - began < 3200 / 32 * CALL_SECONDS + 0.5
        assert world.calls.allowed == 32

    world = in_world(live, per_second=10_000)
    assert world.service.under_way_most == 32


def test_writers_find_the_pace_that_the_service_allows():
    """A quarter of what they could send is allowed: most of it is used, and refusals become few."""

    async def live(world):
        await asyncio.wait([world.submit(30_000)], timeout=120.0)
        assert world.calls.allowed < 24
        assert "429" in world.calls.status().message

    world = in_world(live, per_second=160, retry_after=0.05)
    end = world.loop.time()
    taken = sum(at > end - 60.0 for at in world.service.taken)
    refused = sum(at > end - 60.0 for at in world.service.refused)
    assert taken > 0.8 * 160 * 60
    assert refused < 0.5 * taken


def test_the_service_s_word_is_obeyed():
    """Nobody comes back before it was told to, however few calls are under way."""

    async def live(world):
        await asyncio.wait([world.submit(50)], timeout=30.0)

    world = in_world(live, per_second=1, retry_after=2.0)
    assert not world.service.early
    assert len(world.service.refused) < 100


def test_after_the_trouble_the_pace_comes_back():
    """Within half a minute without a refusal, and by itself."""

    async def live(world):
        await asyncio.wait([world.submit(30_000)], timeout=20.0)
        assert world.calls.allowed < 8
        world.service.per_second = 10_000
        await asyncio.sleep(35.0)
        assert world.calls.allowed == 32
        world.service.under_way_most = 0
        await asyncio.sleep(1.0)
        assert world.service.under_way_most == 32

    in_world(live, per_second=5)


def test_a_limit_that_changes_is_kept_at_once():
    """More writers where it grew, fewer where it shrank; idle ones count as well."""

    async def live(world):
        await world.submit(64)
        world.limits.change(LIMITS.model_copy(update={"sink_calls_in_flight_max": 3}))
        world.service.under_way_most = 0
        await world.submit(64)
        assert world.service.under_way_most == 3
        world.limits.change(LIMITS.model_copy(update={"sink_calls_in_flight_max": 100}))
        await world.submit(1000)
        assert world.service.under_way_most == 100

    in_world(live, per_second=10_000)
