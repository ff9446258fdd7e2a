"""What one write does to the sink. Each runs inside the lanes of its keys, so nothing else writes them.

- ``Apply``: a delta change, unconditionally (the cheap path of design 4.2).
- ``Insert``: a backfill row into a sink that was proved empty: only if absent, and not if buried.
- ``Reconcile``: a backfill row into any other sink: compared first, never written over something.
- ``Restore`` (in ``restore``): make the sink's record what the source's is, by a conditional write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from replicator.connector import Writes
from replicator.engine.lanes import CHANGE, ROW
from replicator.engine.restore import InsertingSink, RepairableSink, Restore, fetch_all, same
from replicator.engine.tombstones import Graveyard
from replicator.model.change import Change, Row
from replicator.model.errors import BatchError, ReplicatorError
from replicator.model.key import Key


@dataclass(frozen=True)
class Apply:
    """Delta changes: plain upserts and deletes, deletes after their tombstones."""

    sink: Writes
    graveyard: Graveyard
    name: str = "apply"
    rank: int = CHANGE
    by_state: bool = False

    async def perform(self, changes: Sequence[Change]) -> None:
        """Write the changes as they are."""
        await self.graveyard.bury(changes)
        await self.sink.write(changes)


@dataclass(frozen=True)
class Insert:
    """Backfill rows where nothing else was: what is there already is the delta's, and newer."""

    sink: InsertingSink
    graveyard: Graveyard
    name: str = "insert"
    rank: int = ROW
    by_state: bool = False

    async def perform(self, changes: Sequence[Change]) -> None:
        """Insert what is absent and was not deleted meanwhile."""
        buried = await self.graveyard.buried([change.key for change in changes])
        alive = [change for change in changes if change.key not in buried] if buried else changes
        if alive:
            await self.sink.insert(alive)


@dataclass(frozen=True)
class Reconcile:
    """Backfill rows into a sink that may hold anything (design 4.1, rule 3)."""

    sink: RepairableSink
    insert: Insert
    restore: Restore
    name: str = "reconcile"
    rank: int = ROW
    by_state: bool = False

    async def perform(self, changes: Sequence[Change]) -> None:
        """Equal rows are left, absent ones inserted, different ones restored from a new source read."""
        present = await fetch_all(self.sink, [change.key for change in changes])
        absent = [change for change in changes if change.key not in present]
        different = [
            change
            for change in changes
            if change.key in present and not same(_row(change), present[change.key])
        ]
        failures: dict[Key, ReplicatorError] = {}
        for operation, rows in ((self.insert, absent), (self.restore, different)):
            if rows:
                failures |= await _failures_of(operation, rows)
        if failures:
            raise BatchError(failures)


async def _failures_of(operation: Insert | Restore, rows: Sequence[Change]) -> dict[Key, ReplicatorError]:
    """What failed of one part; every row that is not named is done, and the other part has its turn."""
    try:
        await operation.perform(rows)
    except BatchError as error:
        return error.failures
    except ReplicatorError as error:
        return dict.fromkeys((row.key for row in rows), error)
    return {}


def _row(change: Change) -> Row | None:
    return None if change.record is None else Row(change.key, change.record)
