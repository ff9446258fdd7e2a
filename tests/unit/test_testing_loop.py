"""The deterministic loop: the same seed gives the same run, whatever the memory looks like."""

import asyncio
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from replicator.testing.loop import (
    START_SECONDS,
    DeadlockError,
    Life,
    VirtualClock,
    VirtualLoop,
    current_life,
)

ROOT = Path(__file__).parents[2]

CANCELLATIONS = """
import asyncio, sys
from replicator.testing.loop import VirtualLoop

noise = [bytearray(37 * (i % 101)) for i in range(int(sys.argv[2]))]  # moves the addresses
trace = []

async def sleeper(number):
    try:
        await asyncio.sleep(number % 3 and 50)
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        trace.append(number)
        raise

async def fail():
    await asyncio.sleep(10)
    raise ValueError

async def main():
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(60):
                group.create_task(sleeper(number))
                noise.append(object())
            group.create_task(fail())
    except* ValueError:
        pass
    done, _ = await asyncio.wait([asyncio.ensure_future(asyncio.sleep(i % 2, i)) for i in range(30)])
    trace.extend(task.result() for task in done)
    futures = {asyncio.get_running_loop().create_future(): n for n in range(30)}
    trace.extend(futures[future] for future in set(futures))

VirtualLoop(int(sys.argv[1])).run_until_complete(main())
print(trace)
"""


@pytest.fixture
def loop():
    """A loop of its own for each test."""
    with closing(VirtualLoop(0)) as virtual:
        yield virtual


def run_cancellations(seed: int, hash_seed: str, noise: int) -> str:
    """The trace of one run in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", CANCELLATIONS, str(seed), str(noise)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout


def test_same_seed_gives_same_trace_in_any_process():
    """Cancellation order and set order follow from the seed, not from hashes or addresses."""
    traces = {
        run_cancellations(7, hash_seed, noise) for hash_seed, noise in [("0", 0), ("1", 999), ("2", 5)]
    }
    assert len(traces) == 1


def test_another_seed_gives_another_order():
    """The seed chooses among what is ready."""
    assert run_cancellations(1, "0", 0) != run_cancellations(2, "0", 0)


def test_time_is_virtual(loop):
    """A sleep of a year takes no time and moves both clocks by a year."""
    clock = VirtualClock(loop)
    before = clock.wall()
    loop.run_until_complete(asyncio.sleep(365 * 86400.0))
    assert loop.time() == START_SECONDS + 365 * 86400.0
    assert clock.wall() - before == 365 * 86400.0


def test_wall_clock_steps_without_the_monotonic_one(loop):
    """Setting the wall clock back leaves the loop's time alone."""
    clock = VirtualClock(loop)
    wall, monotonic = clock.wall(), clock.monotonic()
    clock.step(-60.0)
    assert clock.wall() == wall - 60.0
    assert clock.monotonic() == monotonic


def test_timers_ring_in_order_of_time(loop):
    """The shuffle never reorders what time has ordered."""
    rung = []

    async def main():
        for delay in (0.3, 0.1, 0.2):
            loop.call_later(delay, rung.append, delay)
        await asyncio.sleep(1)

    loop.run_until_complete(main())
    assert rung == [0.1, 0.2, 0.3]


def test_timeout_and_cancellation_work(loop):
    """What asyncio builds on a loop works on this one."""

    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        return await asyncio.wait_for(asyncio.sleep(1, "done"), 2)

    assert loop.run_until_complete(main()) == "done"


@pytest.mark.parametrize(
    "leave",
    [
        lambda: asyncio.to_thread(int),
        lambda: asyncio.open_connection("127.0.0.1", 1),
        lambda: asyncio.create_subprocess_exec("true"),
    ],
    ids=["thread", "socket", "process"],
)
def test_the_outside_is_refused(loop, leave):
    """Threads, sockets and processes would make a run depend on more than its seed."""

    async def main():
        await leave()

    with pytest.raises(NotImplementedError):
        loop.run_until_complete(main())


def test_a_world_that_waits_for_nothing_is_a_deadlock(loop):
    """Waiting for what nobody will do is reported instead of hanging."""
    with pytest.raises(DeadlockError):
        loop.run_until_complete(asyncio.Event().wait())


def test_a_killed_life_does_nothing_more(loop):
    """After the kill neither the tasks of a process, nor their children, nor its timers run."""
    life = Life("victim")
    done = []

    async def child():
        try:
            await asyncio.sleep(2)
            done.append("child went on")
        finally:
            await asyncio.sleep(0)
            done.append("clean-up went on")

    async def victim():
        assert current_life() is life
        loop.call_later(3, done.append, "timer rang")
        async with asyncio.TaskGroup() as group:
            group.create_task(child())
            group.create_task(child())

    async def main():
        life.run(lambda: loop.create_task(victim()))
        await asyncio.sleep(1)
        life.kill(loop)
        await asyncio.sleep(10)

    loop.run_until_complete(main())
    assert done == []
    assert loop.complaints == []


def test_a_failed_callback_is_kept_as_a_complaint(loop):
    """What asyncio would only log does not get lost."""

    async def main():
        loop.call_soon(int, "not a number")
        await asyncio.sleep(1)

    loop.run_until_complete(main())
    assert [type(complaint["exception"]) for complaint in loop.complaints] == [ValueError]
