"""What pipelines of items and of objects share: a backfill, lanes, and a checkpoint that tells of both."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from replicator.connector import Emptiness, Identified, Reads, Scans, Sink, Source
from replicator.engine.backfill import Copier, plan
from replicator.engine.calls import Calls
from replicator.engine.dead_letters import OPEN, WAIVED
from replicator.engine.delivery import Carrier, Delivery
from replicator.engine.keeper import Keeper
from replicator.engine.lanes import Operation
from replicator.engine.parts import Parts, require_same_sink
from replicator.engine.pipeline import Pipeline
from replicator.engine.proof import BY_KEY
from replicator.engine.restore import fetch_all
from replicator.engine.verify import Verification, Verifier
from replicator.model.change import Row
from replicator.model.checkpoint import Backfill, Checkpoint, Mode
from replicator.model.errors import ChangeError, NotNowError, PermanentError, ReplicatorError
from replicator.model.key import Key, key_text
from replicator.model.record import digest
from replicator.stores import Claim, Comparison, DeadLetter, Report

STRANGE_HINT = "Name keys as `replicator dead-letters list` and the reports of verifications do."

Activity = tuple[str, Coroutine[Any, Any, None]]
"""A named task of a pipeline."""


class ReadSource(Source, Scans, Reads, Protocol):
    """A source that a backfill can copy from."""


class ReadSink(Sink, Reads, Protocol):
    """A sink whose records can be looked at."""


class BackfilledPipeline(Pipeline):
    """A pipeline that copies what was there before the delta began.

    Attributes:
        row_operations: the operations that write rows of the backfill.
        source_calls: how many pages of the source are scanned at a time; its changes are read one by one.
    """

    keeper: Keeper
    row_operations: tuple[str, ...] = ()

    def __init__(self, parts: Parts, source: ReadSource, sink: ReadSink, carrier: Carrier) -> None:
        super().__init__(parts, source, sink)
        self._scans: Scans = source
        self._read: tuple[Reads, Reads] = (source, sink)
        self._rows_before = 0
        self.source_calls = Calls(
            "source", lambda: self.limits.now.backfill_pieces_in_flight_max, parts.clock
        )
        self.limits.follow(self.source_calls.admit)
        self.delivery = Delivery(
            carrier,
            self.limits,
            self.sink_calls,
            self.retrier,
            self.morgue.refuse,
            parts.clock,
            self.written,
        )

    # What a shape adds.

    @abstractmethod
    async def _run_backfill(self) -> str:
        """Take the newest run to its end; return how it is proved that everything replayed is applied."""

    @abstractmethod
    def _activities(self) -> tuple[list[Activity], list[Activity]]:
        """Further tasks: those that write until the end, and those that only bring new work."""

    @abstractmethod
    async def _prepare(self, backfill: Backfill) -> None:
        """Make ready what this shape needs before the first change is taken in."""

    @abstractmethod
    async def _drain(self) -> None:
        """After the last new work: wait until what was read is durable."""

    @abstractmethod
    async def _restore_keys(self, keys: Sequence[Key]) -> None:
        """Bring the sink's records of these keys to what the source's are, each in its lane."""

    @abstractmethod
    def verifier(self, *, repair: bool, found: Callable[[Verification], None]) -> Verifier:
        """What compares the two sides; it repairs what it finds if so told."""

    # Opening: what is known, where to start, and what may already be in the sink.

    async def _open(self, claim: Claim, *, new_backfill: bool) -> None:
        sink = self._ends[1]
        await self.morgue.refresh()
        await self.retrier.persist("sink", "connect", sink.connect)
        identity = await self._sink_identity(sink)
        before = claim.checkpoint
        backfill = before.backfill if before is not None else None
        if before is None or backfill is None or new_backfill:
            start = await self._connect(None)
            backfill = replace(await self._plan(backfill, sink), sink=identity)
        else:
            require_same_sink(backfill, identity)
            start = await self._connect(before.positions)
        checkpoint = Checkpoint(claim.epoch, start.positions, backfill)
        await self.retrier.persist(
            "state", "checkpoint", lambda: self.parts.store.save(self.parts.name, checkpoint)
        )
        await self._prepare(backfill)
        if not claim.clean:
            self.delivery.hush(max(claim.call_seconds, self.limits.now.sink_call_seconds_max))
        self._begin(start)
        self.keeper = Keeper(
            self.parts.store,
            self.parts.name,
            checkpoint,
            self.tracker,
            self._ends[0],
            self.retrier,
            self.parts.clock,
        )
        self._rows_before = self.keeper.backfill.rows
        self.connected.set()

    async def _sink_identity(self, sink: Sink) -> str:
        if not isinstance(sink, Identified):
            return ""
        return await self.retrier.persist("sink", "identity", sink.identity)

    async def _plan(self, before: Backfill | None, sink: Sink) -> Backfill:
        """A first run into a sink that is proved empty inserts; every other run reconciles."""
        empty = False
        if before is None and isinstance(sink, Emptiness):
            empty = await self.retrier.persist("sink", "is_empty", sink.is_empty)
        mode = Mode.INSERT if empty else Mode.RECONCILE
        run = 1 if before is None else before.run + 1
        return await plan(self._scans, self.retrier, run, mode, self.parts.clock.wall())

    # Replicating: activities beside each other, until one fails or all are told to stop.

    async def _replicate(self) -> bool:
        """Return whether no sink call can still be under way."""
        finishing, beginning = self._activities()
        async with asyncio.TaskGroup() as tasks:
            writing = [
                tasks.create_task(self.delivery.run(), name="delivery"),
                tasks.create_task(self.keeper.run(self.limits), name="keeper"),
                *(tasks.create_task(work, name=name) for name, work in finishing),
            ]
            reading = [
                tasks.create_task(self._read_forever(), name="reader"),
                tasks.create_task(self._backfill(), name="backfill"),
                *(tasks.create_task(work, name=name) for name, work in beginning),
            ]
            await self._stopping.wait()
            for task in reading:
                task.cancel()
            clean = await self._finish()
            for task in writing:
                task.cancel()
        return clean and not len(self.delivery.lanes)  # a command may have come in at the last moment

    def _copier(self, rows: Operation) -> Copier:
        return Copier(
            self._scans,
            rows,
            self.delivery,
            self.keeper,
            self.retrier,
            self.source_calls,
            self._unpaused.wait,
        )

    async def _backfill(self) -> None:
        self.proof = await self._run_backfill()

    async def _finish(self) -> bool:
        try:
            async with asyncio.timeout(self.limits.now.stop_seconds_max):
                await self._drain()
        except TimeoutError:
            return False
        finally:
            await self._last_word(self.keeper.save())
        return True

    # Comparing, and what is told of it all.

    async def applied_to(self, keys: Sequence[Key]) -> str:
        """Return, with the label, once the sink has these keys as they were at this call, or newer.

        Both sides are read and compared inside of each key's lane, so that no older write is under way
        any more, and what differs is restored.

        Raises:
            NotNowError: one of the keys is a dead letter, or becomes one, or a side has no such keys.
        """
        await self._refuse_strange(keys)
        await self._refuse_dead_letters(keys)
        await self._restore_keys(keys)
        await self._refuse_dead_letters(keys)
        return BY_KEY

    async def _refuse_strange(self, keys: Sequence[Key]) -> None:
        """Read them once before anything is done: a lane would fail, or keep a dead letter of each."""
        for system in self._read:
            try:
                await fetch_all(system, keys)
            except (ChangeError, PermanentError) as error:
                raise NotNowError(error.message, hint=error.hint or STRANGE_HINT) from error
            except ReplicatorError:  # what may pass, the lanes wait for
                continue

    async def _refuse_dead_letters(self, keys: Sequence[Key]) -> None:
        letters = await self.morgue.find(keys, (OPEN, WAIVED))
        waived = [key for key, letter in letters.items() if letter.state == WAIVED]
        in_source = await self.retrier.persist("source", "read", partial(fetch_all, self._read[0], waived))
        for key, letter in letters.items():
            if letter.state == OPEN or _is_given_up(letter, in_source.get(key)):
                raise NotNowError(
                    f"the sink refuses {key_text(key)}: it is a dead letter, {letter.state}",
                    hint="`replicator dead-letters list --state any` shows it; replay it if it is open.",
                )

    async def compare(
        self, progress: Verification, *, repair: bool, found: Callable[[Verification], None]
    ) -> None:
        """Verify both sides once, filling in the progress and a report."""
        store = self.parts.store
        verifier = self.verifier(repair=repair, found=found)
        comparison = await store.open_comparison(self.parts.name)
        report = await store.open_report(self.parts.name, progress.started_at)
        await _and_close(verifier.verify(progress, comparison, report), report, comparison)

    @property
    def backfill(self) -> Backfill | None:
        """The progress of the newest run; None before the source is connected."""
        return self.keeper.backfill if self.connected.is_set() else None

    @property
    def rows_copied(self) -> int:
        """Rows of the backfill that are at the sink; runs ahead of what is saved by a page at most."""
        here = sum(self.written.changes.get(name, 0) for name in self.row_operations)
        return max(self.keeper.backfill.rows, self._rows_before + here)

    @property
    def lanes_busy(self) -> int:
        """Keys with a write that waits or is under way."""
        return len(self.delivery.lanes)

    @property
    def calls(self) -> Sequence[Calls]:
        """The calls that are made several at a time."""
        return self.sink_calls, self.source_calls

    @property
    def saved_at(self) -> float | None:
        """When the checkpoint was last saved or found unchanged, in seconds since the epoch."""
        return self.keeper.saved_at if self.connected.is_set() else None


def _is_given_up(letter: DeadLetter, in_source: Row | None) -> bool:
    """Whether what the source has now is what the letter is about, be that nothing."""
    refused = None if letter.record is None else digest(letter.record)
    return refused == (None if in_source is None else digest(in_source.record))


async def _and_close(work: Awaitable[None], report: Report, comparison: Comparison) -> None:
    try:
        await work
    finally:
        await report.close()
        await comparison.close()
