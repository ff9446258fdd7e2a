"""The demonstration's actors on a stage of their own, for tests that break things."""

import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager

import aiohttp

from localcloud import LocalClouds
from replicator.demo.comparison import compare_side
from replicator.demo.ends import Ends
from replicator.demo.service import Service
from replicator.demo.workload import Workload

WAIT_SECONDS_MAX = 60.0
RATE = 60.0


class Theatre:
    """Running clouds, a writer with a ledger, and the service as a process."""

    def __init__(self, clouds, directory, items, seed):
        self.clouds = clouds
        self.environment = clouds.environment()
        self.workload = Workload(directory, self.environment, items, RATE, seed)
        self.service = Service(directory, self.environment)
        self.items = items

    async def open(self):
        """Create both ends, fill the table, and start the service."""
        await asyncio.to_thread(lambda: Ends(self.environment).create())
        await self.workload.start()
        await until(lambda: self.workload.done.get("loaded") == self.items, "the table is loaded")
        await self.service.start()

    async def backfill(self):
        """The backfill in the newest status; empty while there is none."""
        status = await self.service.status()
        return (status and status["pipelines"] and status["pipelines"][0]["backfill"]) or {}

    async def copied(self, rows):
        """Wait until the backfill has copied so many rows, or is over."""

        async def enough():
            backfill = await self.backfill()
            return backfill.get("rows", 0) >= rows or backfill.get("phase") == "complete"

        await until(enough, f"{rows} rows are copied")

    async def complete(self):
        """Wait until the backfill is complete."""

        async def is_complete():
            return (await self.backfill()).get("phase") == "complete"

        await until(is_complete, "the backfill is complete")

    async def written(self, more):
        """Wait until the writer has written so many times more."""
        enough = sum(self.workload.done.values()) + more
        await until(lambda: sum(self.workload.done.values()) >= enough, f"{more} more writes")

    async def differences(self):
        """Stop the writer, drain, and compare the sink with the ledger; what is wrong, in words."""
        await self.workload.stop()
        await self.service.drain()
        comparison = await asyncio.to_thread(compare_side, "sink", self.environment, self.workload.ledger)
        assert comparison.expected > 0
        return comparison.examples

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
async def theatre(directory, items=1_000, seed=1, *, persist=False):
    """Open a theatre, and stop all of it in the end."""
    async with LocalClouds(directory / "clouds", azurite=False, persist=persist) as clouds:
        stage = Theatre(clouds, directory, items, seed)
        try:
            await stage.open()
            yield stage
        finally:
            await stage.workload.stop()
            await stage.service.stop()
