"""The story: what happens, in order. Everything is shown from outside; nothing is arranged inside."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from localcloud import LocalClouds
from localcloud.node import azurite_command
from replicator.demo.comparison import Comparison, compare_side
from replicator.demo.ends import Ends
from replicator.demo.scene import Scene
from replicator.demo.screen import shown
from replicator.demo.service import CALL_SECONDS_MAX, Service
from replicator.demo.workload import Workload
from replicator.model.errors import first_cause

WAIT_SECONDS_MAX = 300.0
_LOOK_SECONDS = 0.2
_KILL_AT = 0.4


class DemoError(Exception):
    """The story cannot go on; the message says where to look."""


@dataclass(frozen=True)
class Outcome:
    """How the story ended: both sides compared, in the order source, sink."""

    comparisons: tuple[Comparison, Comparison]

    @property
    def clean(self) -> bool:
        """True where both sides hold exactly what was written."""
        return all(comparison.clean for comparison in self.comparisons)


@dataclass(frozen=True)
class Plan:
    """What is wanted.

    Attributes:
        directory: for state, logs and the ledger; a fresh one.
        items: how many orders are loaded before the service starts.
        rate: writes per second of the writer.
        azurite: whether Azure Storage runs too, which the story does not need, where it is installed.
    """

    directory: Path
    items: int
    rate: float
    azurite: bool = False


class Story:
    """One demonstration, shown on the console."""

    workload: Workload
    service: Service

    def __init__(self, plan: Plan, console: Console) -> None:
        self.plan = plan
        self.scene = Scene(plan.items)
        self.environment: Mapping[str, str] = {}
        self._console = console
        self._stack = AsyncExitStack()

    async def tell(self) -> Outcome:
        """Tell it to its end; what was started keeps running until ``end``.

        Raises:
            DemoError, StartError: something did not do what it should; ``end`` stops the rest.
        """
        async with shown(self.scene, self._console):
            await self._start_clouds()
            try:
                async with asyncio.TaskGroup() as tasks:
                    looking = tasks.create_task(self._look_forever(), name="looking")
                    outcome = await self._tell()
                    looking.cancel()
            except BaseExceptionGroup as group:
                raise first_cause(group) from group
        return outcome

    async def end(self) -> None:
        """Stop everything that runs."""
        await self._stack.aclose()

    async def _tell(self) -> Outcome:
        await self._load()
        await self._replicate()
        await self._kill()
        await self._follow()
        await self._drain()
        return await self._compare()

    async def _start_clouds(self) -> None:
        self.scene.step("start both clouds on loopback")
        clouds = await self._stack.enter_async_context(
            LocalClouds(self.plan.directory / "clouds", azurite=self.plan.azurite and _has_azurite())
        )
        self.environment = clouds.environment()
        await asyncio.to_thread(lambda: Ends(self.environment).create())
        plan = self.plan
        self.workload = Workload(plan.directory, self.environment, plan.items, plan.rate)
        self.service = Service(plan.directory, self.environment)

    async def _load(self) -> None:
        self.scene.step(f"an independent writer loads {self.plan.items:,} orders and keeps a ledger")
        self._stack.push_async_callback(self.workload.stop)
        await self.workload.start()
        await self._until(lambda: self.workload.done.get("loaded", 0) >= self.plan.items, "loading")

    async def _replicate(self) -> None:
        self.scene.step("`replicator run`: copy what is there, while the writer goes on")
        self._stack.push_async_callback(self.service.stop)
        await self.service.start()
        await self._until(lambda: self.scene.rows >= self.plan.items * _KILL_AT, "the backfill")

    async def _kill(self) -> None:
        self.scene.step(f"kill -9 in the middle, at {self.scene.rows:,} rows, and start again")
        await self.service.kill()
        await self.service.start()
        # It waits for writes of the killed process that might still land, before it writes.
        await self._until(lambda: self.scene.phase != "", "the second start")

    async def _follow(self) -> None:
        self.scene.step(f"go on after {CALL_SECONDS_MAX:g} s of caution, to the end of the backfill")
        await self._until(lambda: self.scene.phase == "complete", "the backfill")
        self.scene.step("verify both sides beside the running writer, until the gate opens")
        await self._until(lambda: bool(self.scene.gate.get("can_cutover")), "the gate")

    async def _drain(self) -> None:
        self.scene.step("stop the writer, and drain to a mark behind its last write")
        await self.workload.stop()
        self.scene.workload = self.workload.done
        await self.service.drain()

    async def _compare(self) -> Outcome:
        self.scene.step("compare every item of both sides with the writer's ledger")
        loop = asyncio.get_running_loop()
        ledger = self.workload.ledger
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as readers:
            source, sink = await asyncio.gather(
                *(
                    loop.run_in_executor(readers, compare_side, side, dict(self.environment), ledger)
                    for side in ("source", "sink")
                )
            )
        self.scene.finish()
        return Outcome((source, sink))

    async def _look_forever(self) -> None:
        while True:
            self.scene.workload = self.workload.done
            if self.service.pid is not None:
                self.scene.look(await self.service.status())
            await asyncio.sleep(_LOOK_SECONDS)

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(WAIT_SECONDS_MAX):
                while not condition():
                    self._check_alive()
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            raise DemoError(
                f"{what} took more than {WAIT_SECONDS_MAX:g} s; logs are in {self.plan.directory / 'logs'}"
            ) from None

    def _check_alive(self) -> None:
        """Nothing that was started may end by itself."""
        for process in (self.workload, self.service):
            if process.started and process.pid is None:
                raise DemoError(f"the {process.name} has ended by itself:\n{process.last_words}")


def _has_azurite() -> bool:
    try:
        azurite_command()
    except FileNotFoundError:
        return False
    return True
