"""What users of the source do: write few keys very often, in few partitions, and leave many alone."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

from connectors.memory.container import Operation, Verb
from connectors.memory.table import MemoryTable
from replicator.model.key import Key
from replicator.model.record import Item, record_to_json
from replicator.model.values import Value
from replicator.testing.items.ledger import NUMBER, Ledger
from replicator.testing.items.plan import Plan

GROUPS = 2
EXTRAS = 4
PURGE_SECONDS = 3.0
WITHHELD_SECONDS_MAX = 3.0
PURGED_AT_ONCE = 8
PURGED_SHARE = 0.7


class Workload:
    """The writers of one world."""

    def __init__(self, chance: random.Random, plan: Plan, table: MemoryTable, ledger: Ledger) -> None:
        self._chance = chance
        self._plan = plan
        self._table = table
        self._ledger = ledger
        self._ends_at = 0.0
        self._withheld_until: dict[str, float] = {}
        self._hot = [_key("hot", number) for number in range(plan.hot_keys)]
        self._old = [_key("old", number) for number in range(plan.old_rows)]
        self._cold = [_key("cold", number) for number in range(plan.cold_rows)]

    @property
    def refused(self) -> list[Key]:
        """The keys that the sink is to refuse."""
        return (self._hot[-1:] + self._cold[-1:])[: self._plan.refused_keys]

    def prepare(self) -> None:
        """What is there before the first start: rows, their history in the log, leftovers in the sink."""
        for key in [*self._cold, *self._old, *self._hot]:
            self._put(key)
        if self._plan.leftovers:
            self._leave_over()
        for key in self._hot:
            if self._chance.random() < 0.5:
                self._write(key)

    async def write_for(self, seconds: float) -> None:
        """Write hot keys, and cold ones as often as the plan says, for so long."""
        loop = asyncio.get_running_loop()
        self._ends_at = loop.time() + seconds
        while loop.time() < self._ends_at:
            rare = self._cold and self._chance.random() < self._plan.cold_share
            key = self._chance.choice(self._cold if rare else self._hot)
            for _ in range(self._plan.burst):
                await asyncio.sleep(self._chance.expovariate(1.0 / self._plan.gap_seconds))
                self._write(key)

    async def purge(self) -> None:
        """Delete or write the old rows, some at a time, from when the backfill is at work."""
        copying = asyncio.Event()
        self._ledger.container.watch(lambda _: copying.set())
        with suppress(TimeoutError):
            async with asyncio.timeout(self._plan.busy_seconds / 2):
                await copying.wait()
        for first in range(0, len(self._old), PURGED_AT_ONCE):
            mean = PURGE_SECONDS * PURGED_AT_ONCE / len(self._old)
            await asyncio.sleep(self._chance.expovariate(1.0 / mean))
            is_purged = self._chance.random() < PURGED_SHARE
            for key in self._old[first : first + PURGED_AT_ONCE]:
                if is_purged:
                    self._table.delete(key)
                else:
                    self._put(key)

    async def split_shards(self) -> None:
        """End open shards, in two children or in one, at moments of the busy time."""
        for _ in range(self._plan.splits):
            await asyncio.sleep(self._chance.uniform(0.0, self._plan.busy_seconds / self._plan.splits))
            end = self._chance.choice((self._table.split, self._table.split, self._table.roll))
            end(self._chance.choice(self._table.open_shards()).name)

    def withholds(self, shard: str) -> bool:
        """Whether a shard gives an empty page now; once it does it goes on for a while."""
        now = asyncio.get_running_loop().time()
        if now > self._ends_at:
            return False
        if (
            self._withheld_until.get(shard, 0.0) <= now
            and self._chance.random() < self._plan.withheld_share
        ):
            self._withheld_until[shard] = now + self._chance.uniform(0.0, WITHHELD_SECONDS_MAX)
        return now < self._withheld_until.get(shard, 0.0)

    async def trim_log(self) -> None:
        """Forget the log as it is, at a moment of the busy time."""
        for _ in range(self._plan.trims):
            await asyncio.sleep(self._chance.uniform(0.5, 1.0) * self._plan.busy_seconds)
            self._table.trim(self._table.clock.wall())

    def _write(self, key: Key) -> None:
        if self._chance.random() < self._plan.delete_share and self._table.delete(key):
            return
        self._put(key)

    def _put(self, key: Key) -> None:
        self._table.put(key, self._ledger.stamp(_attributes(key)))

    def _leave_over(self) -> None:
        """Older, equal and unknown records, as an aborted run or another tool leaves them."""
        for key in [*self._cold, *self._old, *self._hot]:
            row = self._table.rows.get(key)
            fate = self._chance.random()
            if row is None or fate < 0.3:
                continue
            self._ledger.container.apply([Operation(Verb.UPSERT, key, row.document)])
            if fate < 0.6:
                self._write(key)
        for number in range(EXTRAS):
            extra = record_to_json(Item({**_attributes(_key("extra", number)), NUMBER: {"N": "-1"}}))
            self._ledger.container.apply([Operation(Verb.UPSERT, _key("extra", number), extra)])


def _key(kind: str, number: int) -> Key:
    return (f"group-{number % GROUPS}", f"{kind}-{number}")


def _attributes(key: Key) -> dict[str, Value]:
    group, name = key
    return {"group": {"S": str(group)}, "name": {"S": str(name)}}
