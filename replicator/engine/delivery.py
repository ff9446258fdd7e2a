"""Delivery: carries out the writes that stand in the lanes, several calls at a time, until each is durable.

What happens to a write:

- it succeeds: everyone who waits for it is told, and its key's lane is free;
- its outcome is unknown (a timeout, a reset): the same write is repeated until it succeeds, and even then
  nothing else is written to its keys until ``sink_call_seconds_max`` has passed, because the call that was
  given up may still land (design, section 4); an operation that looks for itself what to write is repeated
  only when that time has passed, because it might then write something else;
- it failed for now, and certainly did nothing: repeated with back-off;
- a change is refused for good: it becomes a dead letter, or stops the pipeline, as the policy says;
- anything else stops the pipeline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Protocol

from replicator.engine.calls import Calls
from replicator.engine.lanes import CHANGE, Lane, Lanes, Operation, Slot, Write
from replicator.engine.limits import LiveLimits
from replicator.engine.retry import RETRIED, Retrier
from replicator.engine.tracker import Ticket
from replicator.engine.turns import Turns
from replicator.engine.written import Written
from replicator.model.change import Change
from replicator.model.clock import Clock
from replicator.model.errors import (
    BatchError,
    ChangeError,
    NotConnectedError,
    ReplicatorError,
    TransientError,
)
from replicator.model.key import Key


class Carrier(Protocol):
    """What delivery has to know of a sink: how calls are cut, and how to connect again."""

    async def connect(self) -> None:
        """Make ready for writing. May be called again."""

    def group(self, key: Key) -> Hashable:
        """Keys of equal group may be written in one call."""

    @property
    def batch_changes_max(self) -> int:
        """The most changes of one call."""


Failures = dict[Key, Exception]
"""The keys of a call that failed, each with its error."""

Refuse = Callable[[Sequence[tuple[Change, ReplicatorError]]], Awaitable[None]]
"""Keeps changes that a sink refuses for good, durably, or raises to stop the pipeline."""


class Delivery:
    """The writers of one pipeline. ``run`` them for as long as the pipeline lives."""

    def __init__(
        self,
        carrier: Carrier,
        limits: LiveLimits,
        calls: Calls,
        retrier: Retrier,
        refuse: Refuse,
        clock: Clock,
        written: Written,
    ) -> None:
        self._carrier = carrier
        self._limits = limits
        self._calls = calls
        self._retrier = retrier
        self._refuse = refuse
        self._clock = clock
        self._turns = Turns()
        self._idle = asyncio.Event()
        self._idle.set()
        self._operations: dict[str, Operation] = {}
        self._hushed_until = 0.0
        self._unsettled_until = 0.0
        self.lanes = Lanes(carrier.group, self._offer)
        self.written = written

    def submit(
        self,
        operation: Operation,
        changes: Sequence[Change],
        ticket: Ticket,
        partition: str | None = None,
    ) -> None:
        """Queue changes for writing; the ticket is resolved once for each. Never waits."""
        self._operations[operation.name] = operation
        self._idle.clear()
        self.lanes.submit(operation, changes, ticket, partition)

    def hush(self, seconds: float) -> None:
        """Write nothing for so long: an earlier process may have calls under way (unclean stop)."""
        self._hushed_until = self._clock.monotonic() + seconds

    async def idle(self) -> None:
        """Wait until nothing is pending and no call of unknown outcome can land any more."""
        await self._idle.wait()

    async def settle(self) -> None:
        """Wait until no call given up before this moment can land any more."""
        await asyncio.sleep(max(0.0, self._unsettled_until - self._clock.monotonic()))

    async def run(self) -> None:
        """Carry out writes until cancelled."""
        await asyncio.sleep(max(0.0, self._hushed_until - self._clock.monotonic()))
        begun = 0
        async with asyncio.TaskGroup() as writers:
            while True:
                for number in range(begun, self._limits.now.sink_calls_in_flight_max):
                    writers.create_task(self._write_forever(), name=f"writer-{number}")
                begun = max(begun, self._limits.now.sink_calls_in_flight_max)
                await self._limits.change_made()

    def _offer(self, slot: Slot) -> None:
        self._turns.offer(slot, urgent=self._operations[slot[0]].rank == CHANGE)

    async def _write_forever(self) -> None:
        while True:
            slot = await self._turns.take()
            async with self._calls:  # whoever holds a place is at work, so others may wait for it
                await self._write(slot)

    async def _write(self, slot: Slot) -> None:
        changes_max = min(self._limits.now.batch_changes_max, self._carrier.batch_changes_max)
        taken = self.lanes.take(slot, changes_max)
        if taken:
            await self._deliver(self._operations[slot[0]], taken)

    async def _deliver(self, operation: Operation, lanes: list[Lane]) -> None:
        """Repeat one set of writes until each is durable or refused."""
        pending = {lane.key: lane for lane in lanes}
        backoff = self._retrier.backoff()
        activity = f"{operation.name}:{id(pending)}"
        unsettled_until: float | None = None
        while pending:
            failures = await self._attempt(operation, pending)
            refused = {key: error for key, error in failures.items() if isinstance(error, ChangeError)}
            if refused:
                await self._give_up(pending, refused)
            self._resolve(pending, failures, unsettled_until)
            pending = {key: lane for key, lane in pending.items() if key in failures and key not in refused}
            if pending:
                error = next(failures[key] for key in pending)
                if any(not _is_settled(failures[key]) for key in pending):
                    unsettled_until = self._clock.monotonic() + self._seconds_max
                    self._unsettled_until = max(self._unsettled_until, unsettled_until)
                await self._retrier.wait("sink", activity, error, backoff)
                if operation.by_state and unsettled_until is not None:
                    await asyncio.sleep(max(0.0, unsettled_until - self._clock.monotonic()))
                if isinstance(error, NotConnectedError):
                    await self._retrier.persist("sink", "connect", self._carrier.connect)
                await self._calls.keep()
        self._retrier.troubles.clear("sink", activity)

    async def _attempt(self, operation: Operation, pending: dict[Key, Lane]) -> Failures:
        """Make one call; the failed keys with their errors. What cannot be repeated is raised."""
        changes = [write.change for write in _writes(pending.values())]
        began = self._clock.monotonic()
        failures: Failures = {}
        try:
            async with asyncio.timeout(None if operation.by_state else self._seconds_max):
                await operation.perform(changes)
        except BatchError as error:
            failures.update(error.failures)
            _raise_fatal(failures)
        except ChangeError as error:
            if len(pending) > 1:
                return await self._find_refused(operation, pending)
            failures = dict.fromkeys(pending, error)
        except RETRIED as error:
            failures = dict.fromkeys(pending, error)
        seconds = self._clock.monotonic() - began
        state = "ok" if not failures else "partial" if len(failures) < len(pending) else "failed"
        self.written.note(operation.name, state, len(pending) - len(failures), seconds)
        self._calls.note(failures.values())
        return failures

    @property
    def _seconds_max(self) -> float:
        return self._limits.now.sink_call_seconds_max

    async def _find_refused(self, operation: Operation, pending: dict[Key, Lane]) -> Failures:
        """A whole batch was refused for one change's sake: try each alone to learn which."""
        failures: Failures = {}
        for key, lane in pending.items():
            failures.update(await self._attempt(operation, {key: lane}))
        return failures

    async def _give_up(self, pending: dict[Key, Lane], refused: dict[Key, ChangeError]) -> None:
        letters = [
            (write.change, refused[write.change.key]) for write in _writes(pending[key] for key in refused)
        ]
        await self._retrier.persist("state", "dead_letters", lambda: self._refuse(letters))
        self.written.dead_letters += len(letters)

    def _resolve(
        self,
        pending: dict[Key, Lane],
        failures: Failures,
        unsettled_until: float | None,
    ) -> None:
        """Tell the waiting, and free the lanes, at once or when no earlier attempt can land any more."""
        over = [
            lane
            for key, lane in pending.items()
            if key not in failures or isinstance(failures[key], ChangeError)
        ]
        for lane in over:
            write, lane.writing = lane.writing, None
            if write is not None:
                write.resolve()
        wait = 0.0 if unsettled_until is None else unsettled_until - self._clock.monotonic()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._release, over)
        else:
            self._release(over)

    def _release(self, lanes: list[Lane]) -> None:
        self.lanes.release(lanes)
        if not len(self.lanes):
            self._idle.set()


def _writes(lanes: Iterable[Lane]) -> list[Write]:
    return [lane.writing for lane in lanes if lane.writing is not None]


def _is_settled(error: BaseException) -> bool:
    return isinstance(error, TransientError) and error.settled


def _raise_fatal(failures: Failures) -> None:
    for error in failures.values():
        if not isinstance(error, (ChangeError, *RETRIED)):
            raise error
