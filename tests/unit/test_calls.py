"""Calls: a bound that may change while callers hold places and others wait for one."""

import asyncio
from contextlib import closing

import pytest

from replicator.engine.calls import Calls, Places
from replicator.model.errors import TransientError
from replicator.testing.loop import VirtualClock, virtual_loop

THROTTLE = TransientError("429: slow down", reason="throttled", settled=True)


class Bound:
    """A bound that a test changes."""

    def __init__(self, places):
        self.places = places

    def __call__(self):
        return self.places


async def settle():
    """Let every task go as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_places_are_bounded_and_given_in_turn():
    """No more are held than there are, and whoever waits longest is next."""
    places, order = Places(Bound(2)), []

    async def hold(number):
        async with places:
            order.append(number)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        for number in range(6):
            tasks.create_task(hold(number))
        await asyncio.sleep(0)
        assert order == [0, 1]
    assert order == [0, 1, 2, 3, 4, 5]


async def test_a_bound_that_grows_lets_more_in():
    """Those who wait are let in as soon as they may."""
    bound = Bound(1)
    places = Places(bound)
    await places.take()
    waiting = [asyncio.create_task(places.take()) for _ in range(3)]
    await settle()
    bound.places = 3
    places.admit()
    await settle()
    assert [task.done() for task in waiting] == [True, True, False]
    waiting[2].cancel()


async def test_a_bound_that_shrinks_is_kept_as_places_come_back():
    """Nobody is thrown out; nobody new is let in before enough have left."""
    bound = Bound(3)
    places = Places(bound)
    for _ in range(3):
        await places.take()
    bound.places = 1
    assert places.beyond
    waiting = asyncio.create_task(places.take())
    for left in (2, 1):
        places.give_back()
        await settle()
        assert not waiting.done(), left
    assert not places.beyond
    places.give_back()
    await settle()
    assert waiting.done()


async def test_who_holds_a_place_too_many_waits_for_another():
    """A call that is to be repeated goes on at once, or in its turn where fewer are allowed by now."""
    bound = Bound(2)
    places = Places(bound)
    for _ in range(2):
        await places.take()
    await asyncio.wait_for(places.keep(), 1.0)
    bound.places = 1
    keeping, gone = asyncio.create_task(places.keep()), asyncio.create_task(places.keep())
    await settle()
    assert gone.done()
    assert not keeping.done()
    places.give_back()
    await settle()
    assert keeping.done()


async def test_there_is_always_one_place():
    """A bound of nothing would be the end of everything."""
    await asyncio.wait_for(Places(Bound(0)).take(), 1.0)


async def test_who_gives_up_takes_no_place():
    """Neither while waiting nor at the moment of being let in."""
    places = Places(Bound(1))
    await places.take()
    gone, admitted, last = (asyncio.create_task(places.take()) for _ in range(3))
    await settle()
    gone.cancel()
    await settle()
    places.give_back()
    admitted.cancel()
    await settle()
    assert last.done()
    with pytest.raises(asyncio.CancelledError):
        await admitted


def test_throttling_lowers_the_calls_and_says_why():
    """Seven of thirty-two, since when, and in the words of the service; later all of them again."""
    with closing(virtual_loop(1)) as loop:
        calls = Calls("sink", Bound(32), VirtualClock(loop))

        async def live():
            for _ in range(2):
                calls.note([THROTTLE])
                calls.note([TransientError("down"), THROTTLE])
                await asyncio.sleep(1.0)
            lowered = calls.status()
            calls.note()
            await asyncio.sleep(60.0)
            return lowered, calls.status()

        lowered, later = loop.run_until_complete(live())
    assert (lowered.side, lowered.calls_allowed, lowered.calls_max) == ("sink", 8, 32)
    assert lowered.throttled_at == later.throttled_at
    assert lowered.message == "429: slow down"
    assert later.calls_allowed == 32


async def test_a_call_is_noted_by_how_it_ends():
    """What it returns or raises is passed on, and only throttling counts."""
    loop_clock = VirtualClock(asyncio.get_running_loop())
    calls = Calls("source", Bound(4), loop_clock)

    async def call(error=None):
        if error is not None:
            raise error
        return "page"

    assert await calls.noting(call()) == "page"
    with pytest.raises(TransientError):
        await calls.noting(call(TransientError("down")))
    assert calls.status().throttled_at is None
    with pytest.raises(TransientError):
        await calls.noting(call(THROTTLE))
    assert calls.status().throttled_at is not None
