"""The pipeline: the whole path of a change, on one page.

    source.read → tracker.track → delivery (lanes) → sink.write
                                        │ durable
    source.commit ← keeper.save ← tracker ┘

Beside it run the backfill of what was there before (``backfill``, ``sweep``) and the proof that everything
up to a moment has been applied (``proof``).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from replicator.connector import Emptiness, Identified, Start
from replicator.engine.backfill import Copier, plan
from replicator.engine.dead_letters import Morgue
from replicator.engine.delivery import Delivery
from replicator.engine.keeper import Keeper
from replicator.engine.lag import Partitions
from replicator.engine.operations import Apply, Insert, Reconcile
from replicator.engine.parts import Parts, check_abilities, require_same_sink
from replicator.engine.phases import Phases
from replicator.engine.proof import Proofs
from replicator.engine.restore import Restore
from replicator.engine.retry import RETRIED, Retrier, Troubles
from replicator.engine.sweep import Sweeper
from replicator.engine.tombstones import Graveyard
from replicator.engine.tracker import Tracker
from replicator.model.change import Batch, Positions
from replicator.model.checkpoint import Backfill, Checkpoint, Mode, Phase
from replicator.model.errors import NotConnectedError, first_cause
from replicator.stores import Claim


class Pipeline:
    """One source paired with one sink, from claim to release. ``run`` it once.

    Attributes:
        connected: set once ``tracker``, ``partitions``, ``proofs`` and ``keeper`` exist.
        proof: how it was proved that everything replayed since the start has been applied; None before.
    """

    tracker: Tracker
    partitions: Partitions
    proofs: Proofs
    keeper: Keeper

    def __init__(self, parts: Parts) -> None:
        limits = parts.limits
        self.parts = parts
        self.source, self.sink = check_abilities(parts)
        self.troubles = Troubles(parts.clock.wall)
        self.retrier = Retrier(limits, parts.jitter, self.troubles)
        self.morgue = Morgue(
            parts.store, parts.name, parts.dead_letter_policy, parts.dead_letters_open_max, parts.clock
        )
        self.graveyard = Graveyard(parts.store, parts.name)
        self.delivery = Delivery(parts.sink, limits, self.retrier, self.morgue.refuse, parts.clock)
        self.delivery.written.call_timed = parts.call_timed
        self.apply = Apply(self.sink, self.graveyard)
        self.restore = Restore(self.source, self.sink)
        self.changes_read = 0
        self._rows_before = 0
        self.proof: str | None = None
        self.connected = asyncio.Event()
        self._unpaused = asyncio.Event()
        self._unpaused.set()
        self._stopping = asyncio.Event()
        self._room = asyncio.Event()

    # The life of a pipeline.

    async def run(self, *, new_backfill: bool = False) -> None:
        """Replicate until ``stop``, then finish what is under way.

        With ``new_backfill`` the saved positions are given up and everything is reconciled again.

        Raises:
            ReplicatorError: what no retry can help with; the pipeline has stopped.
        """
        claim = await self.parts.store.claim(self.parts.name)
        clean = claim.clean  # nothing is written before the pipeline is open
        try:
            await self._open(claim, new_backfill=new_backfill)
            clean = False
            clean = await self._replicate()
        except BaseExceptionGroup as group:
            raise first_cause(group) from group
        finally:
            await self.source.close()
            await self.sink.close()
            if clean:
                await self.parts.store.release(self.parts.name, claim.epoch)

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

    # Opening: what is known, where to start, and what may already be in the sink.

    async def _open(self, claim: Claim, *, new_backfill: bool) -> None:
        await self.morgue.refresh()
        await self.retrier.persist("sink", "connect", self.sink.connect)
        identity = await self._sink_identity()
        before = claim.checkpoint
        backfill = before.backfill if before is not None else None
        if before is None or backfill is None or new_backfill:
            start = await self._connect(None)
            backfill = replace(await self._plan(backfill), sink=identity)
        else:
            require_same_sink(backfill, identity)
            start = await self._connect(before.positions)
        checkpoint = Checkpoint(claim.epoch, start.positions, backfill)
        await self.retrier.persist(
            "state", "checkpoint", lambda: self.parts.store.save(self.parts.name, checkpoint)
        )
        if backfill.phase is Phase.ROWS:
            await self.graveyard.open(backfill.run)
        if not claim.clean:
            self.delivery.hush(self.parts.limits.sink_call_seconds_max)
        self._begin(start, checkpoint)

    def _begin(self, start: Start, checkpoint: Checkpoint) -> None:
        parts = self.parts
        self.tracker = Tracker(start)
        self.tracker.advanced = self._advanced
        self.partitions = Partitions(start)
        self.proofs = Proofs(self.source, self.tracker, self.partitions, self.retrier, parts.clock)
        self.keeper = Keeper(
            parts.store, parts.name, checkpoint, self.tracker, self.source, self.retrier, parts.clock
        )
        self._rows_before = self.keeper.backfill.rows
        self.connected.set()

    @property
    def rows_copied(self) -> int:
        """Rows of the backfill that are at the sink; runs ahead of what is saved by a page at most."""
        written = self.delivery.written.changes
        here = written.get("insert", 0) + written.get("reconcile", 0)
        return max(self.keeper.backfill.rows, self._rows_before + here)

    async def _connect(self, positions: Positions | None) -> Start:
        return await self.retrier.persist("source", "connect", lambda: self.source.connect(positions))

    async def _sink_identity(self) -> str:
        if not isinstance(self.sink, Identified):
            return ""
        return await self.retrier.persist("sink", "identity", self.sink.identity)

    async def _plan(self, before: Backfill | None) -> Backfill:
        """A first run into a sink that is proved empty inserts; every other run reconciles."""
        empty = False
        if before is None and isinstance(self.sink, Emptiness):
            empty = await self.retrier.persist("sink", "is_empty", self.sink.is_empty)
        mode = Mode.INSERT if empty else Mode.RECONCILE
        run = 1 if before is None else before.run + 1
        return await plan(self.source, self.retrier, run, mode, self.parts.clock.wall())

    # Replicating: four activities beside each other, until one fails or all are told to stop.

    async def _replicate(self) -> bool:
        """Return whether no sink call can still be under way."""
        limits = self.parts.limits
        async with asyncio.TaskGroup() as tasks:
            writing = [
                tasks.create_task(self.delivery.run(), name="delivery"),
                tasks.create_task(self.keeper.run(limits.checkpoint_seconds), name="keeper"),
            ]
            reading = [
                tasks.create_task(self._read_forever(), name="reader"),
                tasks.create_task(self._backfill(limits.backfill_pieces_in_flight_max), name="backfill"),
            ]
            await self._stopping.wait()
            for task in reading:
                task.cancel()
            clean = await self._finish()
            for task in writing:
                task.cancel()
        return clean and not len(self.delivery.lanes)  # a command may have come in at the last moment

    async def _finish(self) -> bool:
        try:
            async with asyncio.timeout(self.parts.limits.stop_seconds_max):
                await self.delivery.idle()
        except TimeoutError:
            return False
        finally:
            await self.keeper.save()
        return True

    async def _read_forever(self) -> None:
        backoff = self.retrier.backoff()
        while True:
            await self._wait_for_room()
            try:
                batch = await self.source.read()
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
        """Track the batch and queue its changes, before anyone may conclude anything from it."""
        ticket = self.tracker.track(batch)
        self.partitions.observe(batch)
        self.proofs.observe(batch)
        if batch.changes:
            self.changes_read += len(batch.changes)
            self.delivery.submit(self.apply, batch.changes, ticket, batch.partition)

    async def _reconnect(self) -> None:
        """Go on after everything that was read; what was read is still in the lanes."""
        start = await self._connect(self.tracker.read_positions)
        self.tracker.rebase(start)
        self.partitions.rebase(start)

    async def _wait_for_room(self) -> None:
        await self._unpaused.wait()
        limits, tracker = self.parts.limits, self.tracker
        while (
            tracker.changes_pending >= limits.changes_in_flight_max
            or tracker.bytes_pending >= limits.bytes_in_flight_max
        ):
            self._room.clear()
            await self._room.wait()

    def _advanced(self) -> None:
        self._room.set()
        self.proofs.advance()

    async def _backfill(self, pieces_in_flight_max: int) -> None:
        insert = Insert(self.sink, self.graveyard)
        inserting = self.keeper.backfill.mode is Mode.INSERT
        rows = insert if inserting else Reconcile(self.sink, insert, self.restore)
        sweep = Restore(self.source, self.sink, deletes_only=True, name="sweep")
        phases = Phases(
            pipeline=self.parts.name,
            keeper=self.keeper,
            copier=Copier(self.source, rows, self.delivery, self.keeper, self.retrier, self._unpaused.wait),
            delivery=self.delivery,
            graveyard=self.graveyard,
            proofs=self.proofs,
            sweeper=Sweeper(self.source, self.delivery, sweep, self.retrier),
            tombstones=self.parts.store,
            sink=self.sink,
            clock=self.parts.clock,
        )
        self.proof = await phases.run(pieces_in_flight_max)
