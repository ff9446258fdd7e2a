"""The demonstration's actors between clouds that can be broken: pipelines, their writers, one service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx

from localcloud import LocalClouds
from localcloud.storage import StorageServer
from replicator.demo.comparison import Comparison
from replicator.demo.invoices.canonical import retagged
from replicator.demo.ledger import Ledger
from replicator.demo.pairs import INVOICES, PAIRS
from replicator.demo.stage import Stage
from replicator.demo.workload import Amount

WAIT_SECONDS_MAX = 90.0
DRAIN_SECONDS_MAX = 240.0
_LOOK_SECONDS = 0.1
_STORAGE = "AZURE_STORAGE_CONNECTION_STRING"


class BrokenStage(Stage):
    """A stage whose clouds and whose service can be broken.

    Args:
        clouds: running ones that keep their state over a clean stop.
        directory: for state, logs and ledgers; a fresh one.
        environment: the variables by which everybody finds the clouds.
        amounts: pair to how much is written to it.
        storage: the proxy before Azurite; None where no pair wants it.
        seed: from which everything that is written follows.

    Attributes:
        events_lost: whether events of S3 were lost on purpose.
        tags_repaired: how many objects had old tags because of that, when all was compared.
    """

    def __init__(
        self,
        clouds: LocalClouds,
        directory: Path,
        environment: Mapping[str, str],
        amounts: Mapping[str, Amount],
        storage: StorageServer | None,
        seed: int,
    ) -> None:
        super().__init__(directory, environment, amounts, seed)
        self.clouds, self.storage = clouds, storage
        self.directory, self.environment = directory, environment
        self.events_lost, self.tags_repaired = False, 0
        self._busy = asyncio.Lock()

    async def open(self, **settings: Any) -> None:
        """Create both ends of all pairs, fill the sources, set what is wanted, and start the service."""
        await self.build(self.clouds.aws)
        await self.start_writers()
        await until(lambda: self.is_loaded, "the sources are filled")
        config = self.service.config
        config.write_text(json.dumps(_merged(json.loads(config.read_text()), settings)))
        await self.service.start()

    async def close(self) -> None:
        """Stop the writers and the service."""
        await self.stop_writers()
        if hasattr(self, "service"):
            await self.service.stop()

    # What the service says of itself.

    async def pipelines(self) -> dict[str, dict[str, Any]]:
        """What the newest status says of each pipeline; empty while there is none."""
        status = await self.service.status()
        return {each["name"]: each for each in status["pipelines"]} if status else {}

    async def copied(self, rows: int) -> None:
        """Wait until the backfills have copied so many rows together, or are over."""

        async def enough() -> bool:
            backfills = [each["backfill"] or {} for each in (await self.pipelines()).values()]
            over = [each.get("phase") == "complete" for each in backfills if each]
            return sum(each.get("rows", 0) for each in backfills) >= rows or (bool(over) and all(over))

        await until(enough, f"{rows} rows are copied")

    async def complete(self) -> None:
        """Wait until every backfill is complete, and every pipeline runs."""

        async def is_complete() -> bool:
            pipelines = (await self.pipelines()).values()
            over = all(
                not each["backfill"] or each["backfill"]["phase"] == "complete" for each in pipelines
            )
            return bool(pipelines) and over and all(each["state"] == "running" for each in pipelines)

        await until(is_complete, "the backfills are complete")

    async def written(self, more: int) -> None:
        """Wait until the writers have written so many times more, all together."""
        enough = self.writes + more
        await until(lambda: self.writes >= enough, f"{more} more writes")

    @property
    def writes(self) -> int:
        """How often was written, loading included."""
        return sum(sum(workload.done.values()) for workload in self.workloads.values())

    async def resume(self) -> None:
        """Let every pipeline that has failed go on."""
        for name, pipeline in (await self.pipelines()).items():
            if pipeline["state"] == "failed":
                await self._command(f"/v1/pipelines/{name}/resume")

    async def drain(self) -> None:
        """Drain as often as it takes: after a kill, messages in its hand come back late."""
        deadline = time.monotonic() + DRAIN_SECONDS_MAX
        while True:
            try:
                return await super().drain()
            except httpx.HTTPError:
                if time.monotonic() > deadline:
                    raise

    async def findings(self) -> list[Comparison]:
        """Stop the writers, drain, and compare both sides with the ledgers: one after the other by pair.

        Events that were lost on purpose are a fault that S3 promises not to have. The reconciling list
        finds what they told of, but for changes of tags alone, which show in no list: these are found by
        a verification, and nothing else may be left for it.
        """
        await self.stop_writers()
        await self.drain()
        sides = [side for both in await self.compare() for side in both]
        if not self.events_lost:
            return sides
        self.tags_repaired = await asyncio.to_thread(self._tags_behind, sides)
        if not self.tags_repaired:
            return sides
        await self._repair(INVOICES.name)
        return [side for both in await self.compare() for side in both]

    async def differences(self) -> list[str]:
        """What `findings` found wrong, in words."""
        comparisons = await self.findings()
        if not any(comparison.expected for comparison in comparisons):
            raise AssertionError("nothing was written, so nothing is shown")
        return [example for comparison in comparisons for example in comparison.examples]

    # What is done to it.

    async def kill_service(self) -> None:
        """End the service with SIGKILL, and start it again."""
        async with self._busy:
            await self.service.kill()
            await self.service.start()

    async def restart_service(self) -> None:
        """Stop the service cleanly, and start it again."""
        async with self._busy:
            await self.service.restart()

    async def freeze(self, *names: str, seconds: float) -> None:
        """Stop stand-ins, or ``service``, where they are for so long: they take calls and answer none."""
        async with self._busy:
            pids = [self.service.pid if name == "service" else self.clouds.pid(name) for name in names]
            try:
                _signal(pids, signal.SIGSTOP)
                await asyncio.sleep(seconds)
            finally:
                _signal(pids, signal.SIGCONT)

    async def restart(self, name: str) -> None:
        """Stop a stand-in cleanly, so that it keeps what it has, and start it again.

        Those of AWS lose no write that they accepted, but a writer of messages does not repeat what broke:
        so writers rest meanwhile.
        """
        async with self._busy, self.resting() if name in {"aws", "ministack"} else contextlib.nullcontext():
            if name == "aws":
                await self.clouds.aws.flush_events()
            await self.clouds.restart(name)

    async def kill(self, name: str) -> None:
        """Kill a stand-in that keeps what it acknowledged, and start it again."""
        async with self._busy, self.resting() if name == "aws" else contextlib.nullcontext():
            if name == "aws":
                await self.clouds.aws.flush_events()  # it alone has them, and S3 loses none
            await self.clouds.kill(name)
            await self.clouds.restart(name)

    @asynccontextmanager
    async def resting(self) -> AsyncIterator[None]:
        """Let all writers finish the write under way, and rest meanwhile."""
        await asyncio.gather(*(workload.rest() for workload in self.workloads.values()))
        try:
            yield
        finally:
            for workload in self.workloads.values():
                workload.go_on()

    async def cosmos_faults(self, *rules: Mapping[str, Any]) -> None:
        """Put fault rules of the Cosmos DB stand-in in force; with none, drop all."""
        url = self.environment["COSMOS_ENDPOINT"].rstrip("/") + "/_local/faults"
        async with aiohttp.ClientSession() as session:
            verb = session.post(url, json=list(rules)) if rules else session.delete(url)
            async with verb as answer:
                answer.raise_for_status()

    async def clear(self) -> None:
        """Take all fault rules away, on both sides."""
        await self.clouds.aws.clear_faults()
        await self.cosmos_faults()
        if self.storage is not None:
            self.storage.clear_faults()
        if "SERVICEBUS_CONNECTION_STRING" in self.environment:
            await self.clouds.servicebus.clear_faults()

    def _tags_behind(self, sides: Iterable[Comparison]) -> int:
        """How many objects have old tags; 0 where anything else of objects is wrong, too."""
        (sink,) = [side for side in sides if side.side == INVOICES.sink]
        if sink.missing or sink.extra or not sink.different:
            return 0
        expected = dict(Ledger(self.workloads[INVOICES.name].ledger).items())
        held = dict(INVOICES.ends(self.environment).in_sink())
        only_tags = [
            key for key in sink.different if retagged(held[key], {}) == retagged(expected[key], {})
        ]
        return len(only_tags) if len(only_tags) == len(sink.different) else 0

    async def _repair(self, name: str) -> None:
        """Have a pipeline verified, and what differs repaired."""
        await self._command(f"/v1/pipelines/{name}/verify", repair=True)

        async def is_over() -> bool:
            verification = (await self.pipelines())[name]["verification"]
            return bool(verification and verification["finished_at"])

        await until(is_over, f"{name} is verified")

    async def _command(self, path: str, **body: Any) -> None:
        headers = {"Authorization": f"Bearer {self.service.token}"}
        async with (
            aiohttp.ClientSession(self.service.url, headers=headers) as session,
            session.post(path, json=body) as answer,
        ):
            answer.raise_for_status()


def _signal(pids: Iterable[int | None], signum: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            if pid is not None:
                os.kill(pid, signum)


async def until(
    condition: Callable[[], bool | Awaitable[bool]], what: str, seconds_max: float = WAIT_SECONDS_MAX
) -> None:
    """Wait until a condition, plain or awaitable, holds.

    Raises:
        AssertionError: it does not in time; ``what`` says what was wanted.
    """
    deadline = time.monotonic() + seconds_max
    while True:
        holds = condition()
        if holds if isinstance(holds, bool) else await holds:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds_max:g} s: {what}")
        await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def broken_stage(
    directory: Path, amounts: Mapping[str, Amount], *, seed: int = 1, **settings: Any
) -> AsyncIterator[BrokenStage]:
    """Start clouds that keep their state, and open a stage between them; all is stopped in the end.

    ``settings`` are laid over the configuration of the service, section by section.
    """
    pairs: Sequence[str] = list(amounts)
    wants_storage = INVOICES.name in pairs
    wants_bus = any(PAIRS[name].sink.startswith("Service Bus") for name in pairs)
    async with contextlib.AsyncExitStack() as stack:
        clouds = await stack.enter_async_context(
            LocalClouds(directory / "clouds", azurite=wants_storage, servicebus=wants_bus, persist=True)
        )
        environment, storage = clouds.environment(), None
        if wants_storage:
            storage = StorageServer(_blob_url(environment[_STORAGE]))
            await stack.enter_async_context(storage)
            environment[_STORAGE] = storage.connection_string(environment[_STORAGE])
        stage = BrokenStage(clouds, directory, environment, amounts, storage, seed)
        stack.push_async_callback(stage.close)
        await stage.open(**settings)
        yield stage


def _blob_url(connection_string: str) -> str:
    parts = dict(part.split("=", 1) for part in connection_string.split(";") if part)
    return parts["BlobEndpoint"].rsplit("/", 1)[0]


def _merged(config: dict[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    return config | {name: config.get(name, {}) | section for name, section in settings.items()}
