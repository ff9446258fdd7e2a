"""The keeper of the checkpoint: the only thing that saves it, and the order in which that happens.

Durable in the sink, then in the checkpoint, then forgotten at the source; never another order. Positions
are saved at most once per ``checkpoint_seconds``; a page of a backfill is saved as soon as it is durable,
so that a restart repeats no more than that page.
"""

from __future__ import annotations

from dataclasses import replace

from replicator.connector import Source
from replicator.engine.limits import LiveLimits
from replicator.engine.retry import Retrier
from replicator.engine.sharing import Shared
from replicator.engine.tracker import Tracker
from replicator.model.checkpoint import Backfill, Checkpoint
from replicator.model.clock import Clock
from replicator.model.errors import InvariantError
from replicator.stores import Checkpoints


class Keeper:
    """Holds the pipeline's checkpoint in memory and makes it durable.

    Awaiting ``save()`` returns once everything that was durable before the call is in the saved checkpoint.
    """

    def __init__(
        self,
        store: Checkpoints,
        pipeline: str,
        checkpoint: Checkpoint,
        tracker: Tracker,
        source: Source,
        retrier: Retrier,
        clock: Clock,
    ) -> None:
        self._store = store
        self._pipeline = pipeline
        self._tracker = tracker
        self._source = source
        self._retrier = retrier
        self._clock = clock
        self.save = Shared(self._save)
        self.saved = checkpoint
        self.saved_at: float | None = None
        self._backfill = checkpoint.backfill

    @property
    def backfill(self) -> Backfill:
        """The progress of the newest backfill run, saved or about to be."""
        if self._backfill is None:
            raise InvariantError("a pipeline without a backfill run")
        return self._backfill

    def note(self, backfill: Backfill) -> None:
        """Take in progress; the next save makes it durable."""
        self._backfill = backfill

    async def _save(self) -> None:
        checkpoint = replace(self.saved, positions=self._tracker.durable_positions, backfill=self._backfill)
        if checkpoint != self.saved:
            await self._retrier.persist(
                "state", "checkpoint", lambda: self._store.save(self._pipeline, checkpoint)
            )
            moved = checkpoint.positions != self.saved.positions
            self.saved = checkpoint
            if moved:
                await self._retrier.persist(
                    "source", "commit", lambda: self._source.commit(checkpoint.positions)
                )
        self.saved_at = self._clock.wall()

    async def run(self, limits: LiveLimits) -> None:
        """Save every ``checkpoint_seconds`` until cancelled."""
        while True:
            await limits.sleep(lambda now: now.checkpoint_seconds)
            await self.save()
