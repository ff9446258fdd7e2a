"""The phases of a backfill run, in the order that makes it converge with the delta (design 4.1).

rows → settle → end mark → sweep → mark → complete. Each step is saved before the next begins, so that a
restart goes on where the run was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from replicator.connector import Scans
from replicator.engine.backfill import Copier
from replicator.engine.delivery import Delivery
from replicator.engine.keeper import Keeper
from replicator.engine.limits import LiveLimits
from replicator.engine.proof import Proofs
from replicator.engine.sweep import Sweeper
from replicator.engine.tombstones import Graveyard
from replicator.model.checkpoint import Mode, Phase
from replicator.model.clock import Clock
from replicator.stores import Tombstones


@dataclass(frozen=True)
class Phases:
    """Takes one run through its phases."""

    pipeline: str
    keeper: Keeper
    copier: Copier
    delivery: Delivery
    graveyard: Graveyard
    proofs: Proofs
    sweeper: Sweeper
    tombstones: Tombstones
    sink: Scans
    clock: Clock

    async def run(self, limits: LiveLimits) -> str:
        """Return, once everything replayed or copied is proved applied, how that was proved."""
        if self.keeper.backfill.phase is Phase.ROWS:
            await self.copier.copy(limits)
            await self.delivery.settle()
            self.graveyard.close()
            await self._enter(Phase.END_MARK)
        proof = await self.proofs.applied()
        if self.keeper.backfill.phase is Phase.END_MARK:
            await self._enter(Phase.SWEEP)
        if self.keeper.backfill.phase is Phase.SWEEP:
            await self._sweep()
            # The sweep leaves a key that was created meanwhile to the delta, over whatever the sink holds.
            proof = await self.proofs.applied()
            await self._enter(Phase.COMPLETE)
        return proof

    async def _sweep(self) -> None:
        backfill = self.keeper.backfill
        await self.sweeper.sweep_tombstones(self.tombstones, self.pipeline, backfill.run)
        if backfill.mode is Mode.RECONCILE:
            await self.sweeper.sweep_sink(self.sink)
        await self.tombstones.drop_tombstones(self.pipeline, backfill.run)

    async def _enter(self, phase: Phase) -> None:
        completed_at = self.clock.wall() if phase is Phase.COMPLETE else None
        self.keeper.note(replace(self.keeper.backfill, phase=phase, completed_at=completed_at))
        await self.keeper.save()
