"""What users of the bucket do, and what another writer does at the sink."""

from __future__ import annotations

import asyncio
import random
from contextlib import nullcontext, suppress

from connectors.memory.objects.bucket import MemoryBucket
from connectors.memory.objects.errors import StoreError
from connectors.memory.objects.store import OBJECT_BYTES_MAX, MemoryObjectStore
from replicator.model.record import NOTHING, Object
from replicator.testing.objects.ledger import Ledger, names_of
from replicator.testing.objects.plan import Plan
from replicator.testing.queues import WatchedQueue

BODY_BYTES_MAX = 60
TOO_LARGE_BYTES = 80
EXTRAS = 3
MEDDLE_SECONDS_MAX = 0.5
OUTGROW_SECONDS_MAX = 1.0


class Workload:
    """The writers of one world."""

    def __init__(
        self,
        chance: random.Random,
        plan: Plan,
        bucket: MemoryBucket,
        store: MemoryObjectStore,
        queue: WatchedQueue,
        ledger: Ledger,
    ) -> None:
        self._chance = chance
        self._plan = plan
        self._bucket = bucket
        self._store = store
        self._queue = queue
        self._ledger = ledger
        self._hot = [f"hot-{number}" for number in range(plan.hot_objects)]
        self._cold = [f"cold/{number:02}" for number in range(plan.cold_objects)]
        self._latest = self._hot[0]
        self._refused = set([*self._hot[-2:], *self._cold][: plan.refused_objects])

    def prepare(self) -> None:
        """What is there before the first start: objects, their events, leftovers in the sink."""
        for name in [*self._cold, *self._hot]:
            self._put(name)
        if self._plan.leftovers:
            self._leave_over()
        for name in self._hot:
            if self._chance.random() < 0.5:
                self._write(name)

    async def write_for(self, seconds: float) -> None:
        """Write hot objects, and cold ones as often as the plan says, for so long."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + seconds
        while loop.time() < ends_at:
            rare = self._cold and self._chance.random() < self._plan.cold_share
            name = self._chance.choice(self._cold if rare else self._hot)
            for _ in range(self._plan.burst):
                await asyncio.sleep(self._chance.expovariate(1.0 / self._plan.gap_seconds))
                self._write(name)

    async def outgrow(self) -> None:
        """Write over what an operator has given up, once each; no event tells of it where any are lost."""
        loop = asyncio.get_running_loop()
        ends_at, seen = loop.time() + self._plan.busy_seconds, set[tuple[str, int]]()
        while self._plan.waive_share and loop.time() < ends_at:
            await asyncio.sleep(self._chance.uniform(0.0, OUTGROW_SECONDS_MAX))
            for name, number in self._ledger.given_up():
                if (name, number) not in seen:
                    with self._queue.losing() if self._plan.lose else nullcontext():
                        self._write(name)
                seen.add((name, number))

    async def show_again(self) -> None:
        """Let events that somebody has in hand show again before their time."""
        for _ in range(self._plan.shows):
            await asyncio.sleep(self._chance.uniform(0.0, self._plan.busy_seconds / self._plan.shows))
            self._queue.show_again(self._chance)

    async def widen(self) -> None:
        """Let the sink take what was too large."""
        if self._plan.widened_share < 1.0:
            await asyncio.sleep(self._plan.widened_share * self._plan.busy_seconds)
            self._store.object_bytes_max = OBJECT_BYTES_MAX

    async def meddle(self) -> None:
        """Copy to the sink as another writer may: look there, read the source, write on condition."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self._plan.busy_seconds
        while self._plan.meddle_seconds and loop.time() < ends_at:
            await asyncio.sleep(self._chance.expovariate(1.0 / self._plan.meddle_seconds))
            anywhere = self._chance.choice([*self._hot, *self._cold])
            name = self._chance.choice((self._latest, anywhere))
            held, kept = self._store.objects.get(name), self._bucket.objects.get(name)
            if held is None or kept is None or len(kept.body) > BODY_BYTES_MAX:
                continue
            await asyncio.sleep(self._chance.choice((0.0, self._chance.uniform(0.0, MEDDLE_SECONDS_MAX))))
            with suppress(StoreError):
                self._store_whole(name, kept.body, kept.record, held.etag)

    def _write(self, name: str) -> None:
        self._latest = name
        draw = self._chance.random()
        if draw < self._plan.delete_share and self._bucket.delete(name):
            return
        if self._chance.random() < self._plan.tag_share and self._bucket.tag(name, self._tags()):
            return
        self._put(name)

    def _put(self, name: str) -> None:
        number = self._ledger.numbers + 1
        size = self._chance.randint(0, self._chance.choice((2, BODY_BYTES_MAX // 4)))
        if name in self._refused and self._chance.random() < 0.5:
            size = TOO_LARGE_BYTES // 4
        metadata = {"number": str(number)} if self._chance.random() < 0.5 else NOTHING
        self._bucket.put(name, f"{number:04}".encode() * size, {}, metadata, self._tags())

    def _tags(self) -> dict[str, str]:
        return {"number": str(self._ledger.numbers + 1)}

    def _leave_over(self) -> None:
        """Older, equal and unknown objects, as an aborted run or another tool leaves them."""
        for name in names_of(self._bucket):
            kept = self._bucket.objects.get(name)
            fate = self._chance.random()
            if kept is None or fate < 0.3 or len(kept.body) > BODY_BYTES_MAX:
                continue
            self._store_whole(name, kept.body, kept.record, None)
            if fate < 0.6:
                self._write(name)
        for number in range(EXTRAS):
            self._store_whole(f"extra-{number}", b"extra", Object(5, "elsewhere"), None)

    def _store_whole(self, name: str, body: bytes, record: Object, etag: str | None) -> None:
        block = f"other-{self._store.new_attempt()}"
        self._store.stage(name, block, body)
        self._store.commit(name, [block], record._replace(checksums=NOTHING), etag)
