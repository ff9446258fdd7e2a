"""Verifications of one running pipeline: one at a time, in the background, with a result that is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from replicator.engine.backfill import restore_keys
from replicator.engine.pipeline import Pipeline
from replicator.engine.verify import Verification, Verifier
from replicator.model.errors import ReplicatorError
from replicator.model.key import Key


class Inspector:
    """Starts verifications in the incarnation's task group, and keeps the newest one's progress."""

    def __init__(self, pipeline: Pipeline, tasks: asyncio.TaskGroup) -> None:
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
            await self._compare(progress, repair=repair)
            self._note(progress.mismatches, progress)
        except Exception as error:  # noqa: BLE001 - a verification that fails must not stop replication
            progress.error = error.message if isinstance(error, ReplicatorError) else repr(error)
        except asyncio.CancelledError:
            progress.error = "the pipeline stopped"
            raise
        finally:
            progress.finished_at = pipeline.parts.clock.wall()

    async def _compare(self, progress: Verification, *, repair: bool) -> None:
        pipeline = self._pipeline
        parts = pipeline.parts
        verifier = Verifier(
            source=pipeline.source,
            sink=pipeline.sink,
            catch_up=pipeline.proofs.applied,
            repair=self._repair if repair else None,
            find_waived=partial(parts.store.find_waived, parts.name),
            found=self._worsen,
            retrier=pipeline.retrier,
        )
        comparison = await parts.store.open_comparison(parts.name)
        report = await parts.store.open_report(parts.name, progress.started_at)
        try:
            await verifier.verify(progress, comparison, report)
        finally:
            await report.close()
            await comparison.close()

    def _worsen(self, progress: Verification) -> None:
        """A mismatch counts from the moment it is found; a clean bill only at the end of a pass."""
        known = self._pipeline.keeper.backfill.mismatches
        if progress.mismatches > (known or 0):
            self._note(progress.mismatches, progress)

    def _note(self, mismatches: int, progress: Verification) -> None:
        backfill = self._pipeline.keeper.backfill
        if backfill.completed_at is not None and progress.started_at >= backfill.completed_at:
            self._pipeline.keeper.note(replace(backfill, mismatches=mismatches))

    async def _repair(self, keys: Sequence[Key]) -> None:
        await restore_keys(self._pipeline.delivery, self._pipeline.restore, keys)
