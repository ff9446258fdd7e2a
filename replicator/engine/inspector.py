"""Verifications of one running pipeline: one at a time, in the background, with a result that is kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from replicator.engine.backfilled import BackfilledPipeline
from replicator.engine.verify import Verification
from replicator.model.errors import ReplicatorError


class Inspector:
    """Starts verifications in the incarnation's task group, and keeps the newest one's progress."""

    def __init__(self, pipeline: BackfilledPipeline, tasks: asyncio.TaskGroup) -> None:
        self._pipeline = pipeline
        self._tasks = tasks
        self._task: asyncio.Task[None] | None = None
        self.progress: Verification | None = None

    @property
    def busy(self) -> bool:
        """True while a verification runs."""
        return self.progress is not None and self.progress.finished_at is None

    def begin(self, *, repair: bool, quiet_source: bool) -> Verification:
        """Start a verification; what is returned grows until ``finished_at`` is set."""
        progress = Verification(self._pipeline.parts.clock.wall(), quiet_source=quiet_source)
        self.progress = progress
        self._task = self._tasks.create_task(
            self._carry_out(progress, repair=repair), name=f"verify-{self._pipeline.parts.name}"
        )
        return progress

    def abandon(self) -> None:
        """The pipeline ends: so does the verification, without a result."""
        if self._task is not None:
            self._task.cancel()

    async def _carry_out(self, progress: Verification, *, repair: bool) -> None:
        pipeline = self._pipeline
        try:
            await pipeline.compare(progress, repair=repair, found=self._worsen)
            self._note(progress.mismatches, progress)
        except Exception as error:  # noqa: BLE001 - a verification that fails must not stop replication
            progress.error = error.message if isinstance(error, ReplicatorError) else repr(error)
        except asyncio.CancelledError:
            progress.error = "the pipeline stopped"
            raise
        finally:
            progress.finished_at = pipeline.parts.clock.wall()

    def _worsen(self, progress: Verification) -> None:
        """A mismatch counts from the moment it is found; a clean bill only at the end of a pass."""
        known = self._pipeline.keeper.backfill.mismatches
        if progress.mismatches > (known or 0):
            self._note(progress.mismatches, progress)

    def _note(self, mismatches: int, progress: Verification) -> None:
        backfill = self._pipeline.keeper.backfill
        if backfill.completed_at is not None and progress.started_at >= backfill.completed_at:
            self._pipeline.keeper.note(replace(backfill, mismatches=mismatches))
