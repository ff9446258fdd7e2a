"""Dirt: what it says of its rows stays right while a store answers slowly, and out of order."""

import asyncio
import random
from contextlib import closing
from functools import partial

from replicator.config.limits import Limits
from replicator.engine.limits import LiveLimits
from replicator.engine.objects.dirt import Dirt
from replicator.engine.retry import Retrier, Troubles
from replicator.testing.disk import Disk, InMemoryStore
from replicator.testing.loop import VirtualClock, virtual_loop

FIRST, SECOND = ("first",), ("second",)
SLOWLY = 1.0


class SlowStore(InMemoryStore):
    """A store that works at once; the next answer of each method named in ``slow`` comes late."""

    def __init__(self):
        super().__init__(Disk())
        self.slow = set()

    async def clear_dirty(self, pipeline, rows):
        """Clear rows."""
        return await self._answer("clear_dirty", await super().clear_dirty(pipeline, rows))

    async def oldest_dirty(self, pipeline):
        """Look at the rows."""
        return await self._answer("oldest_dirty", await super().oldest_dirty(pipeline))

    async def _answer(self, method, answer):
        if method in self.slow:
            self.slow.remove(method)
            await asyncio.sleep(SLOWLY)
        return answer


class World:
    """Dirt over a slow store; ``copied`` has whom to tell that a key is copied."""

    def __init__(self, loop):
        clock, limits = VirtualClock(loop), LiveLimits(Limits())
        retrier = Retrier(limits, random.Random(1), Troubles(clock.wall))
        self.store, self.copied = SlowStore(), {}
        self.dirt = Dirt(self.store, "objects", retrier, clock, self._hand_over, limits)

    async def _hand_over(self, rows, done):
        self.copied.update((row.key, partial(done, row)) for row in rows)


async def unpaused():
    """Nobody pauses anything."""


def in_world(live):
    """Live in a new world whose dirt is at work."""
    with closing(virtual_loop(1)) as loop:
        world = World(loop)

        async def run():
            dirt = world.dirt
            tasks = (dirt.note_forever(), dirt.feed_forever(unpaused), dirt.clear_forever())
            running = [asyncio.create_task(task) for task in tasks]
            try:
                await live(world)
            finally:
                for task in running:
                    task.cancel()

        loop.run_until_complete(run())


async def clear_first_slowly(world, method):
    """Have the first key copied, and the second noted while an answer about that is on its way."""
    await world.dirt.add([(FIRST, 1.0)])
    await asyncio.sleep(SLOWLY)
    world.store.slow.add(method)
    world.copied[FIRST]()
    await asyncio.sleep(SLOWLY / 2)
    assert not world.store.slow
    await world.dirt.add([(SECOND, 2.0)])
    await asyncio.sleep(SLOWLY)


def test_a_row_noted_while_others_are_cleared_counts():
    """A row that is noted while the store still clears is counted as well."""

    async def live(world):
        await clear_first_slowly(world, "clear_dirty")
        assert world.dirt.count == 1
        world.copied[SECOND]()
        await world.dirt.flushed()
        assert world.dirt.count == 0

    in_world(live)


def test_an_older_answer_does_not_hide_the_oldest_row():
    """That nothing is dirty, said before a row was noted and heard after it, does not settle the row."""

    async def live(world):
        await clear_first_slowly(world, "oldest_dirty")
        assert world.dirt.oldest_since == 2.0
        settled = asyncio.create_task(world.dirt.settled())
        await asyncio.sleep(SLOWLY)
        assert not settled.done()
        world.copied[SECOND]()
        await settled
        assert world.dirt.oldest_since is None

    in_world(live)
