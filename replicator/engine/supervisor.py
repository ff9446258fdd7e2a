"""The supervisor: keeps one pipeline running, knows what it is doing, and carries out what it is told.

Where another process holds the pipeline, an incarnation stands by until it can take over; one that loses
its lease ends, and the next one stands by. A pipeline that fails is not started again by itself: what could
be retried has been retried inside it, so a failure needs an operator, who then resumes. Only a position
that the source has lost is mended by itself: by a new backfill that reconciles, said loudly, while the gate
stays closed. Each start is a new incarnation with fresh connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from replicator.config.limits import Limits
from replicator.engine.backfilled import BackfilledPipeline
from replicator.engine.dead_letters import REPLAYED, WAIVED
from replicator.engine.inspector import Inspector
from replicator.engine.limits import differing
from replicator.engine.parts import Parts
from replicator.engine.pipeline import Pipeline
from replicator.engine.rate import Rate
from replicator.engine.shapes import pipeline_of
from replicator.engine.status import Failure, PipelineStatus, State, failure_of
from replicator.engine.telling import told_of
from replicator.engine.verify import Verification
from replicator.model.checkpoint import Phase
from replicator.model.clock import Clock, SystemClock
from replicator.model.errors import (
    CheckpointConflictError,
    LeaseLostError,
    NotNowError,
    PositionLostError,
    first_cause,
)
from replicator.model.key import Key
from replicator.stores import DeadLetter

T = TypeVar("T")

FOLLOW_SECONDS = 1.0

STANDING_BY = (LeaseLostError, CheckpointConflictError)
"""What ends an incarnation because another process is at work, or may be."""

LOST_IN_A_ROW_MAX = 3
"""So often a lost position is reconciled by itself before a backfill has to be complete in between."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What a supervisor is responsible for.

    ``assemble`` gives the parts of a new incarnation; ``source`` and ``sink`` are connector names.
    ``verify`` asks for one verification by itself as soon as a backfill is complete. ``limits`` are those
    that it starts with.
    """

    name: str
    source: str
    sink: str
    assemble: Callable[[], Parts]
    freshness_seconds_max: float
    verify: bool = True
    limits: Limits = field(default_factory=Limits)
    clock: Clock = field(default_factory=SystemClock)


class Supervisor:
    """One pipeline, through all its incarnations."""

    def __init__(self, charge: Charge, failed: Callable[[str, BaseException], None]) -> None:
        """``failed`` is told of every error that stopped an incarnation, for the log.

        Attributes:
            positions_lost: how often the source had lost the position since the process began.
            leases_lost: how often another process took over, or may have.
            limits: the pipeline's limits at this moment.
        """
        self.positions_lost = self.leases_lost = 0
        self._lost_in_a_row = 0
        self._lost: Failure | None = None
        self.charge = charge
        self.limits = charge.limits
        self._failed = failed
        self._pipeline: Pipeline | None = None
        self._inspector: Inspector | None = None
        self._failure: Failure | None = None
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._new_backfill = False
        self._stopping = False
        self._stopped = False
        self._task: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._rate = Rate()

    # The life of the pipeline.

    async def run(self) -> None:
        """Run incarnations until ``stop``; after a failure, wait for ``resume``."""
        self._task = asyncio.current_task()
        try:
            while True:
                await self._wanted.wait()
                if self._stopping:
                    return
                self._wanted.clear()
                await self._run_once()
        finally:
            self._stopped = True

    async def _run_once(self) -> None:
        new_backfill, self._new_backfill, self._failure = self._new_backfill, False, None
        self._ended.clear()
        try:
            pipeline = self._pipeline = pipeline_of(self._assembled())
            await self._accompany(pipeline, new_backfill=new_backfill)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is shown, logged, and waits for resume
            cause = first_cause(error) if isinstance(error, ExceptionGroup) else error
            self._failed(self.charge.name, cause)
            self._go_on_or_fail(cause)
        finally:
            self._ended.set()

    def _assembled(self) -> Parts:
        """The parts of a new incarnation, with the limits that were changed meanwhile."""
        parts = self.charge.assemble()
        given = differing(self.limits, self.charge.limits)
        return replace(parts, limits=parts.limits.model_copy(update=given))

    def _go_on_or_fail(self, cause: BaseException) -> None:
        """Stand by without the lease; reconcile by itself after a lost position, at first; else wait."""
        if isinstance(cause, STANDING_BY):
            self.leases_lost += 1
            self._wanted.set()
            return
        failure = failure_of(cause, self.charge.clock.wall())
        if isinstance(cause, PositionLostError):
            self.positions_lost += 1
            self._lost_in_a_row += 1
        if not isinstance(cause, PositionLostError) or self._lost_in_a_row > LOST_IN_A_ROW_MAX:
            self._failure = failure
            return
        self._lost = failure
        self._pipeline, self._new_backfill = None, True
        self._wanted.set()

    async def _accompany(self, pipeline: Pipeline, *, new_backfill: bool) -> None:
        async with asyncio.TaskGroup() as tasks:
            self._inspector = None
            if isinstance(pipeline, BackfilledPipeline):
                self._inspector = Inspector(pipeline, tasks)
            following = tasks.create_task(self._follow(pipeline), name=f"follow-{self.charge.name}")
            await pipeline.run(new_backfill=new_backfill)
            following.cancel()
            if self._inspector is not None:
                self._inspector.abandon()

    async def _follow(self, pipeline: Pipeline) -> None:
        """Sample the rate, and verify once, by itself, when a backfill has become complete."""
        await pipeline.connected.wait()
        inspector = self._inspector
        while (backfill := pipeline.backfill) is not None:
            self._rate.sample(pipeline.parts.clock.monotonic(), pipeline.rows_copied)
            if backfill.phase is Phase.COMPLETE:
                self._lost_in_a_row, self._lost = 0, None
            unverified = backfill.phase is Phase.COMPLETE and backfill.mismatches is None
            idle = inspector is not None and inspector.progress is None
            if self.charge.verify and unverified and pipeline.proof and inspector is not None and idle:
                inspector.begin(repair=False, quiet_source=False)
            await asyncio.sleep(FOLLOW_SECONDS)

    # What an operator may ask for.

    def pause(self) -> None:
        """Stop reading; what was read is still written. Pausing twice is pausing once."""
        self._running().pause()

    def resume(self, *, new_backfill: bool = False) -> None:
        """Go on after a pause or a failure; with ``new_backfill``, reconcile everything from the start.

        Raises:
            NotNowError: a new backfill was asked for while the pipeline runs.
        """
        if self._failure is not None:
            self._new_backfill = new_backfill
            self._lost_in_a_row = 0
            self._pipeline, self._failure = None, None
            self._wanted.set()
            return
        if new_backfill:
            raise NotNowError(
                f"{self.charge.name} is {self.state.value}; only a failed pipeline takes a new backfill",
                hint="To compare and mend everything now, run `replicator verify NAME --repair`.",
            )
        self._running().resume()

    def change_limits(self, limits: Limits) -> None:
        """These hold from now on, for the present incarnation and those after it."""
        self.limits = limits
        if self._pipeline is not None:
            self._pipeline.limits.change(limits)

    def stop(self) -> None:
        """Finish what is under way and end ``run``; a pipeline that is not open yet is let go at once."""
        self._stopping = True
        self._wanted.set()
        if self._pipeline is None:
            return
        if self._inspector is not None:
            self._inspector.abandon()
        if self._pipeline.connected.is_set():
            self._pipeline.stop()
        elif self._task is not None:
            self._task.cancel()

    async def barrier(self, keys: Sequence[Key] = ()) -> str:
        """Return, with how it is proved, once everything committed at the source by now is applied.

        With keys, once these are, by reading them on both sides; that needs no marks.

        Raises:
            NotNowError: the source carries no marks, or the pipeline is not running, or ended meanwhile.
        """
        pipeline = self._running()
        if keys:
            return await self._unless_ended(pipeline.applied_to(keys))
        if not pipeline.has_barrier:
            raise NotNowError(
                f"the source of {self.charge.name} carries no marks, so there is no barrier",
                hint="Allow marks at the source (for dynamodb and sqs: markers), or compare both sides "
                "with the writers stopped: `replicator verify NAME --quiet-source`.",
            )
        return await self._unless_ended(pipeline.applied())

    def verify(self, *, repair: bool, quiet_source: bool) -> Verification:
        """Start a verification and return its progress, which grows.

        Raises:
            NotNowError: one is running, or the pipeline is not.
        """
        pipeline, inspector = self._running(), self._inspector
        if inspector is None:
            raise NotNowError(
                f"{self.charge.name} moves messages, which are at one side only",
                hint="There is nothing to compare; its backlog and dead letters tell what is left.",
            )
        if inspector.busy:
            raise NotNowError(
                f"{self.charge.name} is being verified already",
                hint="Wait for it with `replicator status`, then ask again.",
            )
        if pipeline.proof is None:
            raise NotNowError(
                f"{self.charge.name} is still being backfilled or is replaying",
                hint="Verification tells nothing before the delta has passed the backfill's end.",
            )
        if pipeline.paused:
            raise NotNowError(f"{self.charge.name} is paused", hint="Resume it first.")
        return inspector.begin(repair=repair, quiet_source=quiet_source)

    async def replay(self, letter: DeadLetter) -> bool:
        """Restore the letter's key from the source; False where the sink refuses it again.

        Raises:
            NotNowError: the pipeline is not running, or ended meanwhile.
        """
        pipeline = self._running()
        if not await self._unless_ended(pipeline.replay(letter)):
            return False
        settled = await pipeline.parts.store.settle_dead_letter(letter.id, REPLAYED)
        await pipeline.recount()
        return settled

    async def waive(self, letter_id: int) -> bool:
        """Declare that an open letter will never be applied; False where it is not open any more.

        Raises:
            NotNowError: another process holds the pipeline.
        """
        if self._pipeline is None or self.state is State.STANDBY:
            raise self._not_now()
        try:
            settled = await self._pipeline.parts.store.settle_dead_letter(letter_id, WAIVED)
        except CheckpointConflictError:
            raise self._not_now() from None
        await self._pipeline.recount()
        return settled

    async def recount(self) -> None:
        """Count the open dead letters again, after one was settled from outside."""
        if self._pipeline is not None:
            await self._pipeline.recount()

    async def _unless_ended(self, outcome: Awaitable[T]) -> T:
        """What is awaited of one incarnation must not be awaited beyond its end."""
        wanted = asyncio.ensure_future(outcome)
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait([wanted, ended], return_when=asyncio.FIRST_COMPLETED)
            if not wanted.done():
                raise NotNowError(f"{self.charge.name} stopped before this was done")
            return wanted.result()
        finally:
            wanted.cancel()
            ended.cancel()

    def _running(self) -> Pipeline:
        if self.state not in (State.RUNNING, State.PAUSED) or self._pipeline is None:
            raise self._not_now()
        return self._pipeline

    def _not_now(self) -> NotNowError:
        if self.state is State.STANDBY and self._pipeline is not None:
            hint = (
                f"Give the command to the process that holds it: {self._pipeline.lease.other or 'another'}."
            )
        else:
            hint = "Look at `replicator status`; `replicator resume` starts a failed pipeline again."
        return NotNowError(f"{self.charge.name} is {self.state.value}", hint=hint)

    # What is known of it.

    @property
    def state(self) -> State:
        """What the pipeline is doing."""
        if self._stopped:
            return State.STOPPED
        if self._failure is not None:
            return State.FAILED
        if self._stopping:
            return State.STOPPING
        if self._pipeline is not None and self._pipeline.lease.stands_by:
            return State.STANDBY
        if self._pipeline is None or not self._pipeline.connected.is_set():
            return State.STARTING
        return State.PAUSED if self._pipeline.paused else State.RUNNING

    @property
    def pipeline(self) -> Pipeline | None:
        """The present incarnation, for metrics; None where it stands by."""
        return None if self.state is State.STANDBY else self._pipeline

    @property
    def holds_lease(self) -> bool:
        """Whether this process, and certainly no other, works on the pipeline."""
        return self._pipeline is not None and self._pipeline.lease.held

    def status(self) -> PipelineStatus:
        """Everything that is known, at this moment."""
        charge = self.charge
        status = PipelineStatus(
            name=charge.name,
            source=charge.source,
            sink=charge.sink,
            state=self.state,
            healthy=self.state in (State.PAUSED, State.STANDBY),
            failure=self._failure,
        )
        if self._lost is not None:
            status = replace(status, notices=(f"reconciling by itself, because {self._lost.message}",))
        if given := differing(self.limits, charge.limits):
            status = replace(status, notices=(*status.notices, _changed_until_restart(given)))
        if self._pipeline is None:
            return status
        if self.state is State.STANDBY:  # what it knows is old, and somebody else's to tell
            return self._told_of_standby(self._pipeline, status)
        verification = None if self._inspector is None else self._inspector.progress
        return told_of(
            self._pipeline,
            replace(status, verification=verification),
            self._rate,
            charge.freshness_seconds_max,
        )

    def _told_of_standby(self, pipeline: Pipeline, status: PipelineStatus) -> PipelineStatus:
        holder = pipeline.lease.other
        notice = f"standing by for {holder}" if holder else "standing by: the lease could not be renewed"
        return replace(status, notices=(*status.notices, notice), troubles=pipeline.troubles.current)


def _changed_until_restart(given: Mapping[str, float]) -> str:
    values = ", ".join(f"{name} is {value:g}" for name, value in given.items())
    return f"changed until the next restart: {values}"
