"""A deterministic asyncio loop: virtual time, a seeded order of everything that is ready, no outside.

Time stands still while anything is ready and jumps to the next timer when nothing is. Whatever the loop
does not offer (threads, executors, sockets, processes, signals) raises ``NotImplementedError``, because
its outcome would not follow from the seed. ``asyncio`` keeps tasks and futures in sets, whose order is
that of the members' hashes, which are their addresses; so those of this loop hash by order of birth.

A ``Life`` is a process that can be killed: everything that runs in its context stops between two steps,
and nothing of it, no ``finally`` either, runs on this loop again. It can also be frozen for a while.
"""

from __future__ import annotations

import asyncio
import random
from asyncio.events import _set_running_loop
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from inspect import iscoroutine
from itertools import count
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START_SECONDS = 1000.0
"""Where virtual time begins; not zero, because a machine's monotonic clock never shows zero either."""

CLOSING_ATTEMPTS_MAX = 20


def seeded(purpose: str) -> random.Random:
    """A source of chance for one purpose, the same in every run and every process."""
    return random.Random(purpose)  # noqa: S311 - a simulation, not a secret


class DeadlockError(Exception):
    """Nothing is ready and no timer is set: nothing can ever happen again."""


class Life:
    """A process on the loop. Code runs within it through ``run``, and so does all that it starts."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.frozen = False
        self.ended_at = float("inf")
        self.held_back: list[Call] = []
        self._context = copy_context()
        self._context.run(_LIFE.set, self)

    def run(self, function: Callable[[Unpack[Ts]], T], *args: *Ts) -> T:
        """Call the function as this process."""
        return self._context.copy().run(function, *args)

    def kill(self, loop: VirtualLoop) -> None:
        """End the process here and now."""
        self.alive = False
        self.ended_at = loop.time()
        # Held until the loop closes: a collected coroutine would run its ``finally`` blocks.
        loop.graveyard.extend(task for task in loop.tasks() if task.life is self)

    def freeze(self) -> None:
        """Give the process no time: what is ready of it waits."""
        self.frozen = True

    def thaw(self, loop: VirtualLoop) -> None:
        """Let the process go on, with all that was due meanwhile at once."""
        self.frozen = False
        waiting, self.held_back = self.held_back, []
        loop.make_ready(waiting)


_LIFE: ContextVar[Life | None] = ContextVar("life", default=None)


def current_life() -> Life | None:
    """The process that the calling code runs in; None for the world around the processes."""
    return _LIFE.get()


class BornFuture(asyncio.Future[T]):
    """A future that hashes by order of birth."""

    def __init__(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._number = number

    def __hash__(self) -> int:
        return self._number


class BornTask(asyncio.Task[T]):
    """A task that hashes by order of birth and knows its process."""

    def __init__(
        self,
        number: int,
        coroutine: Coroutine[Any, Any, T] | Generator[Any, None, T],
        loop: asyncio.AbstractEventLoop,
        name: str | None,
        context: Context | None,
    ) -> None:
        self._number = number
        self.life = context.get(_LIFE) if context is not None else _LIFE.get()
        super().__init__(coroutine, loop=loop, name=name or f"task-{number}", context=context)

    def __hash__(self) -> int:
        return self._number

    def abandon(self) -> None:
        """Let go of the coroutine, at the end of the world.

        Closing it may fail as often as its ``finally`` blocks await or raise; nobody is left whom that
        could concern.
        """
        self._log_destroy_pending = False
        for coroutine in reversed(list(_chain(self.get_coro()))):  # what is awaited before who awaits it
            _close(coroutine)


def _chain(coroutine: Any) -> Iterator[Coroutine[Any, Any, Any]]:
    """A coroutine, what it awaits, what that awaits, and so on."""
    while iscoroutine(coroutine):
        yield coroutine
        coroutine = coroutine.cr_await


def _close(coroutine: Coroutine[Any, Any, Any]) -> None:
    for _ in range(CLOSING_ATTEMPTS_MAX):
        with suppress(BaseException):
            coroutine.close()
            return


class Call(asyncio.TimerHandle):
    """A callback that is ready or has a time."""

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        self.context = context if context is not None else copy_context()
        super().__init__(when, callback, args, loop, self.context)
        self.call = callback
        self.args = args


class VirtualLoop(asyncio.AbstractEventLoop):
    """The loop. ``complaints`` holds what asyncio would have logged about live processes."""

    def __init__(self, seed: int | str) -> None:
        self._random = seeded(f"loop {seed}")
        self._now = START_SECONDS
        self._births = count(1)
        self._ready: list[Call] = []
        self._timers: list[tuple[float, int, Call]] = []
        self._closed = False
        self._running = False
        self.steps = 0
        self.complaints: list[dict[str, Any]] = []
        self.graveyard: list[BornTask[Any]] = []

    def make_ready(self, calls: Iterable[Call]) -> None:
        """Take in calls that were held back."""
        self._ready.extend(calls)

    def tasks(self) -> list[BornTask[Any]]:
        """The unfinished tasks, oldest first."""
        tasks = (task for task in asyncio.all_tasks(self) if isinstance(task, BornTask))
        return sorted(tasks, key=hash)

    def time(self) -> float:
        """Virtual seconds; they pass only when nothing is ready."""
        return self._now

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Make a callback ready. Among those that are ready the seed chooses the order."""
        call = Call(self._now, callback, args, self, context)
        self._ready.append(call)
        return call

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Make a callback ready at a moment of virtual time."""
        call = Call(when, callback, args, self, context)
        heappush(self._timers, (when, next(self._births), call))
        return call

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Make a callback ready after so many virtual seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return BornFuture(next(self._births), self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        """A task of this loop and of the current process."""
        return BornTask(next(self._births), coro, self, name, context)

    def run_until_complete(self, future: Any) -> Any:
        """Run until the future is done, and return its result.

        Raises:
            DeadlockError: it never can be.
        """
        task = asyncio.ensure_future(future, loop=self)
        _set_running_loop(self)
        self._running = True
        try:
            while not task.done():
                self._step()
        finally:
            self._running = False
            _set_running_loop(None)
        return task.result()

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep the complaint, unless it is about a process that was killed."""
        subject = context.get("task") or context.get("future")
        life = subject.life if isinstance(subject, BornTask) else None
        if life is None or life.alive:
            self.complaints.append(context)

    def get_debug(self) -> bool:
        """Never: asyncio's debug mode measures real time."""
        return False

    def is_running(self) -> bool:
        """Whether a step may be under way."""
        return self._running

    def is_closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed

    def close(self) -> None:
        """Let go of everything that has not run; the coroutines of unfinished tasks are closed."""
        now, self._now = self._now, float("inf")  # whatever anybody still wanted to do, it is too late
        _set_running_loop(self)
        for task in self.tasks():
            task.abandon()
        self._now = now
        _set_running_loop(None)
        self._ready.clear()
        self._timers.clear()
        self._closed = True

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """``asyncio`` tells so; a cancelled call is skipped when its turn comes."""

    def _step(self) -> None:
        """Run one callback that is ready, whichever the seed picks; move time on if there is none."""
        ready = self._ready
        while not ready:
            self._move_on()
        chosen = int(self._random.random() * len(ready))
        ready[chosen], ready[-1] = ready[-1], ready[chosen]
        call = ready.pop()
        life = call.context.get(_LIFE)
        if call.cancelled() or (life is not None and not life.alive):
            return
        if life is not None and life.frozen:
            life.held_back.append(call)
            return
        self.steps += 1
        try:
            call.context.run(call.call, *call.args)
        except Exception as error:  # noqa: BLE001 - as every event loop does, and it is reported
            self.call_exception_handler({"message": f"a callback failed: {error!r}", "exception": error})

    def _move_on(self) -> None:
        if not self._timers:
            raise DeadlockError(f"nothing can happen any more at {self._now:.3f} s")
        when, _, call = heappop(self._timers)
        self._now = max(self._now, when)
        self._ready.append(call)
        while self._timers and self._timers[0][0] <= self._now:
            self._ready.append(heappop(self._timers)[2])


def virtual_loop(seed: int | str) -> VirtualLoop:
    """A new loop. The interface's other methods stay abstract on purpose; they are the outside."""
    make: Any = VirtualLoop
    loop: VirtualLoop = make(seed)
    return loop


class VirtualClock:
    """The clocks of one machine on the loop; its wall clock can be stepped."""

    def __init__(self, loop: asyncio.AbstractEventLoop, epoch: float = 1_750_000_000.0) -> None:
        self._loop = loop
        self._offset = epoch - START_SECONDS

    def wall(self) -> float:
        """Seconds since the epoch, as this machine believes."""
        return self._loop.time() + self._offset

    def monotonic(self) -> float:
        """Virtual seconds."""
        return self._loop.time()

    def step(self, seconds: float) -> None:
        """Set the wall clock forward, or back where negative."""
        self._offset += seconds
