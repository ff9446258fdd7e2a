"""The pipeline: what every shape of state has in common, and the whole path of a change, on one page.

    source.read → tracker.track → submit: to the lanes, the dirty rows or the mover → sink
                       │                             │ durable
    source.commit ← checkpoint ← tracker ←───────────┘

``items`` carries rows of tables, ``objects`` objects by their state, ``messages`` messages in their order.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress

from replicator.connector import Marks, Sink, Source, Start
from replicator.engine.calls import Calls
from replicator.engine.dead_letters import Morgue
from replicator.engine.lag import Partitions
from replicator.engine.limits import LiveLimits
from replicator.engine.parts import Parts
from replicator.engine.proof import Proofs
from replicator.engine.retry import RETRIED, Retrier, Troubles
from replicator.engine.tracker import Ticket, Tracker
from replicator.engine.written import Written
from replicator.model.change import Batch, Positions
from replicator.model.checkpoint import Backfill
from replicator.model.errors import InvariantError, NotConnectedError, first_cause
from replicator.model.key import Key
from replicator.stores import Claim, DeadLetter

LAST_WORD_SECONDS_MAX = 5.0


class Pipeline(ABC):
    """One source paired with one sink, from claim to release. ``run`` it once.

    Attributes:
        lease: without it nothing is written, at either end or in the store.
        limits: its bounds, which may change while it runs.
        sink_calls: how many calls to the sink are under way at a time.
        connected: set once ``tracker``, ``partitions`` and ``proofs`` exist.
        proof: how it was proved that everything replayed since the start has been applied; None before.
        written: what was done to the sink.
    """

    tracker: Tracker
    partitions: Partitions
    proofs: Proofs

    def __init__(self, parts: Parts, source: Source, sink: Sink) -> None:
        if parts.lease is None:
            raise InvariantError("a pipeline without a lease")
        self.parts = parts
        self.lease = parts.lease
        self._ends = source, sink
        self.troubles = Troubles(parts.clock.wall)
        self.limits = limits = LiveLimits(parts.limits)
        self.sink_calls = Calls("sink", lambda: limits.now.sink_calls_in_flight_max, parts.clock)
        self.retrier = Retrier(limits, parts.jitter, self.troubles)
        self.morgue = Morgue(
            parts.store, parts.name, parts.dead_letter_policy, parts.dead_letters_open_max, parts.clock
        )
        self.written = Written(call_timed=parts.call_timed)
        self.changes_read = 0
        self.proof: str | None = None
        self.connected = asyncio.Event()
        self._unpaused = asyncio.Event()
        self._unpaused.set()
        self._stopping = asyncio.Event()
        self._room = asyncio.Event()
        limits.follow(self.sink_calls.admit)
        limits.follow(self._room.set)

    # The life of a pipeline.

    async def run(self, *, new_backfill: bool = False) -> None:
        """Wait for the lease, replicate until ``stop``, then finish what is under way.

        With ``new_backfill`` the saved positions are given up and everything is reconciled again, unless
        another process was at work in between.

        Raises:
            LeaseLostError, CheckpointConflictError: another process is at work; nothing more was written.
            ReplicatorError: what no retry can help with; the pipeline has stopped.
        """
        claim = await self.lease.take(self.retrier)
        clean = claim.clean  # nothing is written before the pipeline is open
        try:
            async with asyncio.TaskGroup() as tasks:
                keeping = tasks.create_task(self.lease.keep(self.retrier), name="lease")
                await self._open(claim, new_backfill=new_backfill and not self.lease.other)
                clean = False
                clean = await self._replicate()
                keeping.cancel()
        except BaseExceptionGroup as group:
            raise self.lease.behind(first_cause(group)) from group
        finally:
            for end in self._ends:
                await end.close()
            await self.lease.release(clean=clean)

    def pause(self) -> None:
        """Stop reading, at the next batch or page; what was read is still written."""
        self._unpaused.clear()

    def resume(self) -> None:
        """Go on reading."""
        self._unpaused.set()

    @property
    def paused(self) -> bool:
        """True while paused."""
        return not self._unpaused.is_set()

    def stop(self) -> None:
        """Stop reading for good; ``run`` returns when what was read is durable, or time is up."""
        self._stopping.set()

    # What a shape of state adds.

    @abstractmethod
    async def _open(self, claim: Claim, *, new_backfill: bool) -> None:
        """Connect both ends and begin at the right place; ends with ``_begin``."""

    @abstractmethod
    async def _replicate(self) -> bool:
        """Work until told to stop; return whether no sink call can still be under way."""

    @abstractmethod
    def _submit(self, batch: Batch, ticket: Ticket) -> None:
        """Hand the changes on; the ticket is resolved once for each when it need not be read again."""

    @abstractmethod
    async def applied(self) -> str:
        """Return, with how it is proved, once everything committed before this call is at the sink."""

    @abstractmethod
    async def applied_to(self, keys: Sequence[Key]) -> str:
        """Return, with how it is proved, once the sink has these keys as they were at this call, or newer.

        Raises:
            NotNowError: what is carried has no keys to be read by.
        """

    @abstractmethod
    async def replay(self, letter: DeadLetter) -> bool:
        """Bring about what an open dead letter stands for; False where the sink refuses it again.

        Raises:
            NotNowError: something else has to be settled first.
        """

    @abstractmethod
    def oldest_pending(self) -> Mapping[str, float]:
        """Partition to the commit time of its oldest change that is seen and not durable."""

    async def recount(self) -> None:
        """Count the open dead letters again, after one was settled from outside."""
        await self.morgue.refresh()

    @property
    def has_barrier(self) -> bool:
        """Whether the source can prove what has been read of it."""
        return isinstance(self._ends[0], Marks)

    @property
    def backfill(self) -> Backfill | None:
        """The progress of the newest backfill run; None where this shape has none."""
        return None

    @property
    def rows_copied(self) -> int:
        """Rows of the backfill that are at the sink; runs ahead of what is saved by a page at most."""
        return 0

    @property
    def waiting(self) -> int | None:
        """How many changes are known to wait behind those in flight; None where that is unknown."""
        return None

    @property
    def lanes_busy(self) -> int:
        """Keys with a write that waits or is under way."""
        return 0

    @property
    def calls(self) -> Sequence[Calls]:
        """The calls that are made several at a time."""
        return (self.sink_calls,)

    @property
    def saved_at(self) -> float | None:
        """When the checkpoint was last saved or found unchanged, in seconds since the epoch."""
        return None

    async def _last_word(self, word: Awaitable[object]) -> None:
        """What is said at the very end, such as a commit, but not for longer than a stop may take.

        What a source that cannot be reached was not told comes again, and what was not saved is repeated.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_SECONDS_MAX):
                await word

    # Reading.

    def _begin(self, start: Start) -> None:
        self.tracker = Tracker(start)
        self.tracker.advanced = self._advanced
        self.partitions = Partitions(start)
        source = self._ends[0]
        self.proofs = Proofs(source, self.tracker, self.partitions, self.retrier, self.parts.clock)

    async def _connect(self, positions: Positions | None) -> Start:
        return await self.retrier.persist("source", "connect", lambda: self._ends[0].connect(positions))

    async def _read_forever(self) -> None:
        backoff = self.retrier.backoff()
        while True:
            await self._wait_for_room()
            try:
                batch = await self._ends[0].read()
            except RETRIED as error:
                await self.retrier.wait("source", "read", error, backoff)
                if isinstance(error, NotConnectedError):
                    await self._reconnect()
                continue
            if backoff.attempts:
                backoff.reset()
                self.troubles.clear("source", "read")
            self._take_in(batch)

    def _take_in(self, batch: Batch) -> None:
        """Track the batch and hand its changes on, before anyone may conclude anything from it."""
        ticket = self.tracker.track(batch)
        self.partitions.observe(batch)
        self.proofs.observe(batch)
        if batch.changes:
            self.changes_read += len(batch.changes)
            self._submit(batch, ticket)

    async def _reconnect(self) -> None:
        """Go on after everything that was read; what was read is still being written."""
        start = await self._connect(self.tracker.read_positions)
        self.tracker.rebase(start)
        self.partitions.rebase(start)

    async def _wait_for_room(self) -> None:
        await self._unpaused.wait()
        while self._is_full():
            self._room.clear()
            await self._room.wait()

    def _is_full(self) -> bool:
        limits, tracker = self.limits.now, self.tracker
        return (
            tracker.changes_pending >= limits.changes_in_flight_max
            or tracker.bytes_pending >= limits.bytes_in_flight_max
        )

    def _advanced(self) -> None:
        self._room.set()
        self.proofs.advance()
