"""Dead letters: their count stays right while answers come late, and what was waived is never sent."""

import asyncio
import random
from contextlib import closing

from connectors.memory.config import MemorySinkSettings
from connectors.memory.messages.bus import MemoryBus
from connectors.memory.messages.sink import MemoryMessageSink
from replicator.config.limits import Limits
from replicator.engine.calls import Calls
from replicator.engine.dead_letters import KEEP, Morgue
from replicator.engine.limits import LiveLimits
from replicator.engine.messages.mover import Mover
from replicator.engine.retry import Retrier, Troubles
from replicator.engine.tracker import Ticket
from replicator.engine.written import Written
from replicator.model.change import Change, Kind
from replicator.model.errors import ChangeError, TransientError
from replicator.model.record import Message
from replicator.testing.disk import Disk, InMemoryStore
from replicator.testing.loop import VirtualClock, virtual_loop

SLOWLY = 1.0
NAME = "messages"


class SlowStore(InMemoryStore):
    """A store that counts and lists at once; the next answer comes late if ``slow``."""

    slow = False

    async def count_dead_letters(self, pipeline):
        """Count letters."""
        return await self._answer(await super().count_dead_letters(pipeline))

    async def list_dead_letters(self, *given):
        """List letters."""
        return await self._answer(await super().list_dead_letters(*given))

    async def _answer(self, answer):
        if self.slow:
            self.slow = False
            await asyncio.sleep(SLOWLY)
        return answer


class AwaySink(MemoryMessageSink):
    """A sink that cannot be reached while it is ``away``; nothing is sent then."""

    away = False

    async def write(self, changes):
        """Send, if it can be reached."""
        if self.away:
            raise TransientError("nobody is there", settled=True)
        await super().write(changes)


class World:
    """A mover in front of a bus, with a morgue over a slow store."""

    def __init__(self, loop):
        clock, limits = VirtualClock(loop), LiveLimits(Limits())
        self.store, self.bus = SlowStore(Disk()), MemoryBus(clock)
        self.calls = Calls("sink", lambda: 1, clock)
        self.morgue = Morgue(self.store, NAME, KEEP, 100, clock)
        self.sink = AwaySink(self.bus, MemorySinkSettings(bus=NAME))
        self.mover = Mover(
            self.sink,
            limits,
            self.calls,
            Retrier(limits, random.Random(1), Troubles(clock.wall)),
            self.morgue,
            clock,
            Written(),
        )

    async def refuse(self, number):
        """Keep a message as a dead letter."""
        await self.morgue.refuse([(message(number), ChangeError("too large"))])


def message(number):
    """One message of a queue without groups."""
    name = f"message-{number}"
    return Change(Kind.UPSERT, (name,), Message(name, f"body {number}", {}), 1.0)


def in_world(live):
    """Live in a new world."""
    with closing(virtual_loop(1)) as loop:
        loop.run_until_complete(live(World(loop)))


def test_an_older_count_does_not_replace_a_newer_one():
    """A count that was made first, and is heard last, is not the last word."""

    async def live(world):
        world.store.slow = True
        await asyncio.gather(world.refuse(1), _after_a_while(world.refuse(2)))
        assert world.morgue.open == 2

    in_world(live)


def test_an_older_look_for_waived_letters_does_not_hide_a_newer_one():
    """A look that was made before any was waived, and is heard last, is not the last word."""

    async def live(world):
        await world.refuse(1)
        world.store.slow = True
        looking = asyncio.create_task(world.morgue.look_for_waived())
        await asyncio.sleep(0)
        assert await world.store.settle_dead_letter(1, "waived")
        await world.morgue.look_for_waived()
        await looking
        assert message(1).key in await world.morgue.find_waived([message(1).key])

    in_world(live)


def test_a_waived_message_that_comes_again_is_not_sent():
    """It counts as dealt with, and of its batch only the others are sent."""

    async def live(world):
        await world.refuse(1)
        assert await world.store.settle_dead_letter(1, "waived")
        await world.morgue.look_for_waived()
        done = asyncio.get_running_loop().create_future()
        await world.mover.move([message(1), message(2)], Ticket(2, lambda: done.set_result(None)))
        assert done.done()
        assert [posted.id for posted in world.bus.messages] == ["message-2"]

    in_world(live)


def test_a_message_that_is_waived_while_it_waits_to_be_sent_is_not_sent():
    """A second delivery that has been looked up and waits for its call is looked up again."""

    async def live(world):
        await world.refuse(1)
        async with world.calls:  # the only place for a call is taken
            moving = asyncio.create_task(world.mover.move([message(1)], Ticket(1, lambda: None)))
            await _after_a_while(asyncio.sleep(0))
            assert await world.store.settle_dead_letter(1, "waived")
            await world.morgue.look_for_waived()
        await moving
        assert world.bus.messages == []

    in_world(live)


def test_a_message_that_is_waived_while_its_send_is_repeated_is_not_sent():
    """The sink comes back too late for it; those that were to be sent with it are."""

    async def live(world):
        await world.refuse(1)
        world.sink.away = True
        done = asyncio.get_running_loop().create_future()
        ticket = Ticket(2, lambda: done.set_result(None))
        moving = asyncio.create_task(world.mover.move([message(1), message(2)], ticket))
        await asyncio.sleep(SLOWLY)
        assert await world.store.settle_dead_letter(1, "waived")
        await world.morgue.look_for_waived()
        await asyncio.sleep(60 * SLOWLY)
        world.sink.away = False
        await moving
        assert done.done()
        assert [posted.id for posted in world.bus.messages] == ["message-2"]

    in_world(live)


async def _after_a_while(awaitable):
    await asyncio.sleep(SLOWLY / 2)
    await awaitable
