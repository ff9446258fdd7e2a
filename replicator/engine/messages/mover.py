"""The mover: sends what was read, in order, until every message is at the sink or kept as a dead letter.

A source gives out no message of a group while an earlier one of it is in hand, so two batches never share a
group and may be on their way at once. Within a batch nothing of a group is sent behind a message of it that
has not landed. A call of unknown outcome is simply repeated: the sink drops what it has already.

A message that the sink refuses for good becomes a dead letter. If it has a group, the group is stopped:
what follows is kept behind it, in order, until an operator has settled all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Sequence

from replicator.connector import Writes
from replicator.engine.calls import Calls
from replicator.engine.dead_letters import Morgue
from replicator.engine.limits import LiveLimits
from replicator.engine.messages.groups import Groups, GroupStoppedError
from replicator.engine.retry import RETRIED, Retrier
from replicator.engine.tracker import Ticket
from replicator.engine.written import Written
from replicator.model.change import Change
from replicator.model.clock import Clock
from replicator.model.errors import (
    BatchError,
    ChangeError,
    InvariantError,
    NotConnectedError,
    ReplicatorError,
)
from replicator.model.key import Key
from replicator.stores import DeadLetter

MOVE = "move"


class Mover:
    """Moves the messages of one pipeline."""

    def __init__(
        self,
        sink: Writes,
        limits: LiveLimits,
        calls: Calls,
        retrier: Retrier,
        morgue: Morgue,
        clock: Clock,
        written: Written,
    ) -> None:
        self._sink = sink
        self._limits = limits
        self._retrier = retrier
        self._morgue = morgue
        self._clock = clock
        self._written = written
        self._calls = calls
        self._connecting = asyncio.Lock()
        self._keeping = asyncio.Lock()
        self.groups = Groups()

    async def move(self, changes: Sequence[Change], ticket: Ticket) -> None:
        """Send all; the ticket is resolved for each that is at the sink or durably kept.

        Raises:
            PermanentError: as the sink raises it, or because too many are refused.
        """
        distinct = {change.key: change for change in changes}  # a queue may deliver a message twice
        async with asyncio.TaskGroup() as sending:
            for run in self._runs(distinct.values()):
                sending.create_task(self._send(run, ticket), name="send")
        for _ in range(len(changes) - len(distinct)):
            ticket.resolve()

    async def resend(self, change: Change) -> ChangeError | None:
        """Send one message that was kept; return why where the sink refuses it again."""
        failures = await self._persist([change])
        error = failures.get(change.key)
        return error if isinstance(error, ChangeError) else None

    def _runs(self, changes: Iterable[Change]) -> Iterator[list[Change]]:
        """What is sent one after the other: one run per group of the sink, each in the order given."""
        runs: dict[Hashable, list[Change]] = {}
        for change in changes:
            runs.setdefault(self._sink.group(change.key), []).append(change)
        yield from runs.values()

    async def _send(self, run: list[Change], ticket: Ticket) -> None:
        most = min(self._limits.now.batch_changes_max, self._sink.batch_changes_max)
        for first in range(0, len(run), most):
            await self._send_some(run[first : first + most], ticket)

    async def _send_some(self, changes: Sequence[Change], ticket: Ticket) -> None:
        """One call's worth, again and again, until none of it is left."""
        left = changes
        while left := await self._leave_waived(left, ticket):
            await self._keep_stopped(left)
            going = [change for change in left if not self.groups.is_stopped(change)]
            failures = await self._persist(going) if going else {}
            refused = [
                (change, error)
                for change in going
                if isinstance(error := failures.get(change.key), ChangeError)
            ]
            await self._keep(refused)
            gone = {change.key for change, _ in refused}
            again = [change for change in going if change.key in failures and change.key not in gone]
            for _ in range(len(left) - len(again)):
                ticket.resolve()
            left = again

    async def _leave_waived(self, changes: Sequence[Change], ticket: Ticket) -> Sequence[Change]:
        """What is to be sent: not what was waived, and comes again because its deletion was lost."""
        left = await self._wanted(changes)
        for _ in range(len(changes) - len(left)):
            ticket.resolve()
        return left

    async def _wanted(self, changes: Sequence[Change]) -> Sequence[Change]:
        keys = [change.key for change in changes]
        waived = await self._retrier.persist("state", "waived", lambda: self._morgue.find_waived(keys))
        return [change for change in changes if change.key not in waived]

    async def _persist(self, changes: Sequence[Change]) -> dict[Key, Exception]:
        """Call until something has happened to each: it landed, or it is named with what befell it.

        Of several failures only refusals are told, and what was not sent for their sake. What is waived
        meanwhile counts as landed: nothing more is to happen to it.
        """
        async with self._calls:
            wanted = await self._wanted(changes)  # again: the place may have been long in coming
            return await self._repeat(wanted) if wanted else {}

    async def _repeat(self, changes: Sequence[Change]) -> dict[Key, Exception]:
        backoff = self._retrier.backoff()
        activity = f"{MOVE}:{id(changes)}"
        while True:
            failures = await self._attempt(changes)
            refused = any(isinstance(error, ChangeError) for error in failures.values())
            if refused or not failures:
                self._retrier.troubles.clear("sink", activity)
                return failures
            error = next(iter(failures.values()))
            await self._retrier.wait("sink", activity, error, backoff)
            if isinstance(error, NotConnectedError):
                await self._reconnect()
            await self._calls.keep()
            changes = await self._wanted([change for change in changes if change.key in failures])
            if not changes:
                self._retrier.troubles.clear("sink", activity)
                return {}

    async def _attempt(self, changes: Sequence[Change]) -> dict[Key, Exception]:
        began = self._clock.monotonic()
        failures: dict[Key, Exception] = {}
        try:
            async with asyncio.timeout(self._limits.now.sink_call_seconds_max):
                await self._sink.write(changes)
        except BatchError as error:
            failures = dict(error.failures)
            _raise_fatal(failures)
        except ChangeError as error:
            if len(changes) > 1:
                raise InvariantError("a sink refused several messages and named none") from error
            failures = {changes[0].key: error}
        except RETRIED as error:
            failures = {change.key: error for change in changes}
        seconds = self._clock.monotonic() - began
        state = "ok" if not failures else "partial" if len(failures) < len(changes) else "failed"
        self._written.note(MOVE, state, len(changes) - len(failures), seconds)
        self._calls.note(failures.values())
        return failures

    async def _keep_stopped(self, changes: Sequence[Change]) -> None:
        stopped = [change for change in changes if self.groups.is_stopped(change)]
        await self._keep([(change, GroupStoppedError.of(change)) for change in stopped])

    async def _keep(self, refused: Sequence[tuple[Change, ReplicatorError]]) -> None:
        """Make dead letters of what is refused, before anything behind it may be looked at."""
        if not refused:
            return
        async with self._keeping:
            for change, _ in refused:
                self.groups.stop(change)
            await self._retrier.persist("state", "dead_letters", lambda: self._morgue.refuse(refused))
        self._written.dead_letters += len(refused)

    async def reload(self, open_letters: Callable[[], Awaitable[Sequence[DeadLetter]]]) -> None:
        """Take in which groups are stopped, after letters were settled from outside, or at the start."""
        async with self._keeping:
            self.groups.load(await open_letters())

    async def _reconnect(self) -> None:
        async with self._connecting:
            await self._retrier.persist("sink", "connect", self._sink.connect)


def _raise_fatal(failures: dict[Key, Exception]) -> None:
    for error in failures.values():
        if not isinstance(error, (ChangeError, *RETRIED)):
            raise error
