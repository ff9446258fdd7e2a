"""The story: what happens, in order. Everything is shown from outside; nothing is arranged inside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from localcloud import LocalClouds
from replicator.demo.comparison import Comparison
from replicator.demo.pairs import INVOICES, NOTICES, STEPS, chosen
from replicator.demo.scene import Scene, Track
from replicator.demo.screen import shown
from replicator.demo.service import CALL_SECONDS_MAX
from replicator.demo.stage import Stage
from replicator.demo.workload import Amount
from replicator.model.errors import first_cause

WAIT_SECONDS_MAX = 300.0
_LOOK_SECONDS = 0.2
_KILL_AT = 0.4


class DemoError(Exception):
    """The story cannot go on; the message says where to look."""


@dataclass(frozen=True)
class Outcome:
    """How the story ended: both sides of each pair compared, in the order source, sink."""

    comparisons: list[tuple[Comparison, Comparison]]

    @property
    def clean(self) -> bool:
        """True where all sides hold exactly what was written."""
        return all(source.clean and sink.clean for source, sink in self.comparisons)


@dataclass(frozen=True)
class Plan:
    """What is wanted.

    Attributes:
        directory: for state, logs and the ledgers; a fresh one.
        amounts: pair to how much is written to it; the others do not take part.
    """

    directory: Path
    amounts: Mapping[str, Amount]


class Story:
    """One demonstration, shown on the console."""

    stage: Stage

    def __init__(self, plan: Plan, console: Console) -> None:
        self.plan = plan
        self.scene = Scene.of(chosen(list(plan.amounts)), plan.amounts)
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
        self.scene.step("start both clouds on loopback; AWS sends events late, twice and out of order")
        amounts = self.plan.amounts
        clouds = await self._stack.enter_async_context(
            LocalClouds(
                self.plan.directory / "clouds",
                azurite=INVOICES.name in amounts,
                servicebus=NOTICES.name in amounts or STEPS.name in amounts,
            )
        )
        self.environment = clouds.environment()
        self.stage = Stage(self.plan.directory, self.environment, amounts)
        await self.stage.build(clouds.aws)

    async def _load(self) -> None:
        counts = [f"{amount.count:,} {name}" for name, amount in self.plan.amounts.items()]
        self.scene.step(f"independent writers, each with a ledger, write {', '.join(counts)}")
        self._stack.push_async_callback(self.stage.stop_writers)
        await self.stage.start_writers()
        await self._until(lambda: self.stage.is_loaded, "loading")

    async def _replicate(self) -> None:
        self.scene.step("`replicator run`: copy what is there, while the writers go on")
        self._stack.push_async_callback(self.stage.service.stop)
        await self.stage.service.start()
        track = next(iter(self.scene.tracks.values()))
        await self._until(lambda: track.copied >= track.amount.count * _KILL_AT, "the backfill")

    async def _kill(self) -> None:
        copied = ", ".join(f"{track.copied:,} {name}" for name, track in self.scene.tracks.items())
        self.scene.step(f"kill -9 in the middle, at {copied}, and start again")
        await self.stage.service.kill()
        await self.stage.service.start()
        # It waits for writes of the killed process that might still land, before it writes.
        await self._until_all(lambda track: track.is_connected, "the second start")

    async def _follow(self) -> None:
        self.scene.step(f"go on after {CALL_SECONDS_MAX:g} s of caution, to the end of the backfill")
        await self._until_all(lambda track: track.is_copied, "the backfill")
        self.scene.step("verify both sides beside the running writers, until the gate opens for all")
        await self._until(lambda: bool(self.scene.gate.get("can_cutover")), "the gate")

    async def _drain(self) -> None:
        self.scene.step("stop the writers, and drain to a mark behind the last write of each")
        await self.stage.stop_writers()
        self._look_at_writers()
        await self.stage.drain()

    async def _compare(self) -> Outcome:
        self.scene.step("compare everything on all sides with the writers' ledgers")
        outcome = Outcome(await self.stage.compare())
        self.scene.finish()
        return outcome

    async def _look_forever(self) -> None:
        while True:
            self._look_at_writers()
            service = self.stage.service
            if service.pid is not None:
                self.scene.look(await service.status())
            await asyncio.sleep(_LOOK_SECONDS)

    def _look_at_writers(self) -> None:
        for name, workload in self.stage.workloads.items():
            self.scene.tracks[name].written = workload.done

    async def _until_all(self, condition: Callable[[Track], bool], what: str) -> None:
        await self._until(lambda: all(map(condition, self.scene.tracks.values())), what)

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
        for process in (*self.stage.workloads.values(), self.stage.service):
            if process.started and process.pid is None:
                raise DemoError(f"the {process.name} has ended by itself:\n{process.last_words}")
