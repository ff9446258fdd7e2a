"""The demonstration's actors on a stage of their own, for tests that break things."""

import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager

import aiohttp

from localcloud import LocalClouds
from replicator.demo.stage import Stage
from replicator.demo.workload import Amount

WAIT_SECONDS_MAX = 60.0
RATE = 60.0


class Theatre:
    """Running clouds, writers with ledgers, and the service as a process."""

    def __init__(self, clouds, directory, amounts, seed):
        self.clouds = clouds
        self.environment = clouds.environment()
        self.stage = Stage(directory, self.environment, amounts, seed)

    @property
    def service(self):
        return self.stage.service

    async def open(self):
        """Create both ends of each pair, fill the sources, and start the service."""
        await self.stage.build(self.clouds.aws)
        await self.stage.start_writers()
        await until(lambda: self.stage.is_loaded, "the sources are filled")
        await self.service.start()

    async def backfills(self):
        """The backfills in the newest status, by pipeline; empty while there is none."""
        status = await self.service.status()
        found = {each["name"]: each["backfill"] for each in status["pipelines"]} if status else {}
        return {pair.name: found.get(pair.name) or {} for pair in self.stage.pairs if not pair.empties}

    async def copied(self, rows):
        """Wait until the backfill of orders has copied so many rows, or is over."""

        async def enough():
            backfill = (await self.backfills())["orders"]
            return backfill.get("rows", 0) >= rows or backfill.get("phase") == "complete"

        await until(enough, f"{rows} rows are copied")

    async def complete(self):
        """Wait until every backfill is complete."""

        async def is_complete():
            return all(each.get("phase") == "complete" for each in (await self.backfills()).values())

        await until(is_complete, "the backfill is complete")

    async def written(self, more):
        """Wait until the writers have written so many times more."""
        enough = self._writes() + more
        await until(lambda: self._writes() >= enough, f"{more} more writes")

    def _writes(self):
        return sum(sum(workload.done.values()) for workload in self.stage.workloads.values())

    async def differences(self):
        """Stop the writers, drain, and compare all sides with the ledgers; what is wrong, in words."""
        await self.stage.stop_writers()
        await self.stage.drain()
        comparisons = await self.stage.compare()
        assert all(sink.expected > 0 for _, sink in comparisons)
        return [example for pair in comparisons for side in pair for example in side.examples]

    async def kill(self):
        """End the service with SIGKILL, and start it again."""
        await self.service.kill()
        await self.service.start()

    async def cosmos_faults(self, *rules):
        """Put fault rules of the Cosmos DB stand-in in force; with none, drop all."""
        url = self.environment["COSMOS_ENDPOINT"].rstrip("/") + "/_local/faults"
        async with aiohttp.ClientSession() as session:
            verb = session.post(url, json=list(rules)) if rules else session.delete(url)
            async with verb as answer:
                assert answer.status == 200

    async def freeze(self, name, seconds):
        """Stop a stand-in where it is for so long: it takes calls and answers none."""
        pid = self.clouds.pid(name)
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)


async def until(condition, what):
    """Wait until a condition, plain or awaitable, holds."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        holds = condition()
        if asyncio.iscoroutine(holds):
            holds = await holds
        if holds:
            return
        assert time.monotonic() < deadline, f"not within {WAIT_SECONDS_MAX} s: {what}"
        await asyncio.sleep(0.1)


@asynccontextmanager
async def theatre(directory, items=1_000, seed=1, *, persist=False, others=None):
    """Open a theatre with orders, and with ``others`` (pair to amount), and stop all of it in the end."""
    amounts = {"orders": Amount(items, RATE), **(others or {})}
    clouds = LocalClouds(
        directory / "clouds", azurite=bool(others), servicebus=bool(others), persist=persist
    )
    async with clouds:
        stage = Theatre(clouds, directory, amounts, seed)
        try:
            await stage.open()
            yield stage
        finally:
            await stage.stage.stop_writers()
            if hasattr(stage.stage, "service"):
                await stage.service.stop()
