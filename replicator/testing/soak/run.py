"""A run: writers write, faults strike, samples are taken; then all is healed, drained and compared."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

import replicator
from replicator.demo.comparison import Comparison
from replicator.demo.unrest import stir
from replicator.demo.workload import Amount
from replicator.testing.loop import seeded
from replicator.testing.soak.faults import ENDS_A_LIFE, KINDS, draw
from replicator.testing.soak.growth import Growth, Point, judge
from replicator.testing.soak.samples import Sample, Sampler
from replicator.testing.soak.stage import BrokenStage, broken_stage

AMOUNTS = {
    "orders": Amount(3_000, 30.0),
    "invoices": Amount(400, 5.0),
    "notices": Amount(500, 10.0),
    "steps": Amount(300, 10.0),
}
BREAKERS = 2
PAUSE_SECONDS = 8.0
"""The mean pause of a breaker between the end of a fault and the next one."""

LONG_LIFE_SHARE = 0.5
"""At the end of a run the service is left alive for so long, under all other faults, to see if it grows."""

SETTINGS = {
    "limits": {"sink_call_seconds_max": 5.0, "retry_seconds_max": 3.0, "list_seconds": 60.0},
}
_MEBIBYTE = 2.0**20
GROWTHS: Mapping[str, tuple[float, float]] = {
    # An allocator keeps what the worst storm needed, so memory climbs in steps to that of the worst of all.
    "memory_bytes": (0.25, 10 * _MEBIBYTE),
    "descriptors": (0.10, 10),
    "threads": (0.10, 4),
    "tasks": (0.20, 40),
    "state_bytes": (0.25, 4 * _MEBIBYTE),
    "lag_seconds": (0.50, 5),
    "dirty_rows": (0.50, 50),
}
"""Figure to the rise over the longest life that is let pass: as a share, or absolute where that is more."""

OUTLIVES_A_PROCESS = frozenset({"state_bytes", "lag_seconds", "dirty_rows"})


@dataclass(frozen=True)
class Strike:
    """A fault that struck: when, in seconds since the start, for how long, and of which kind."""

    at: float
    seconds: float
    kind: str


@dataclass
class Outcome:
    """What a run showed."""

    seed: int
    minutes: float
    version: str = replicator.__version__
    date: str = field(default_factory=lambda: time.strftime("%Y-%m-%d", time.gmtime()))
    strikes: list[Strike] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    written: dict[str, Mapping[str, int]] = field(default_factory=dict)
    comparisons: list[Comparison] = field(default_factory=list)
    growths: list[Growth] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    tags_repaired: int = 0

    @property
    def complaints(self) -> list[str]:
        """Everything that is wrong, in words; empty where the run was good."""
        grown = [f"{growth.name} grows by {growth.rise:,.0f}" for growth in self.growths if growth.grows]
        different = [example for each in self.comparisons for example in each.examples]
        return [*self.failures, *different, *grown]


async def soak(directory: Path, minutes: float, seed: int, tell: Callable[[str], None]) -> Outcome:
    """Run for so long, and say what came of it; everything that was started is stopped."""
    outcome = Outcome(seed, minutes)
    tell(f"starting both clouds and filling the sources (seed {seed}, {minutes:g} minutes)")
    async with broken_stage(directory, AMOUNTS, seed=seed, **SETTINGS) as stage:
        sampler = Sampler(stage)
        sampling = asyncio.create_task(sampler.follow(), name="samples")
        try:
            await _break(stage, sampler, outcome, tell)
            tell("healing, draining and comparing everything with the writers' ledgers")
            await _look_for_failures(stage, outcome)
            await stage.clear()
            await stir(stage.clouds.aws, stage.pairs)
            outcome.comparisons = await stage.findings()
            outcome.tags_repaired = stage.tags_repaired
            await _look_for_dead_letters(stage, outcome)
        finally:
            sampling.cancel()
            outcome.samples = sampler.samples
            outcome.written = {name: dict(each.done) for name, each in stage.workloads.items()}
    outcome.growths = growths_of(outcome.samples)
    return outcome


def growths_of(samples: Sequence[Sample]) -> list[Growth]:
    """Judge every figure."""
    return [
        judge(name, _points(samples, name), share_max=share, least=least)
        for name, (share, least) in GROWTHS.items()
    ]


async def _break(
    stage: BrokenStage, sampler: Sampler, outcome: Outcome, tell: Callable[[str], None]
) -> None:
    seconds = outcome.minutes * 60
    async with asyncio.TaskGroup() as breakers:
        for number in range(BREAKERS):
            chance = seeded(f"soak {outcome.seed} {number}")
            breakers.create_task(_strike_until(stage, sampler, outcome, chance, seconds, tell))


async def _strike_until(
    stage: BrokenStage,
    sampler: Sampler,
    outcome: Outcome,
    chance: random.Random,
    seconds: float,
    tell: Callable[[str], None],
) -> None:
    """Strike again and again; the last fault is let come to its end."""
    while True:
        await asyncio.sleep(chance.expovariate(1 / PAUSE_SECONDS))
        at = sampler.seconds
        if at >= seconds:
            return
        kind = draw(chance, without=ENDS_A_LIFE if at > seconds * (1 - LONG_LIFE_SHARE) else ())
        try:
            await KINDS[kind][0](stage, chance)
        except (aiohttp.ClientError, OSError):
            continue  # what it was for is away: another fault got there first
        outcome.strikes.append(Strike(round(at, 1), round(sampler.seconds - at, 1), kind))
        tell(f"{at:6.0f} s  {kind}")
        _check_alive(stage)


def _check_alive(stage: BrokenStage) -> None:
    """A writer that has ended by itself makes the run worthless: what it wrote last is in doubt.

    Raises:
        RuntimeError: one has.
    """
    for workload in stage.workloads.values():
        if workload.started and workload.pid is None:
            raise RuntimeError(f"the {workload.name} has ended by itself:\n{workload.last_words}")


async def _look_for_failures(stage: BrokenStage, outcome: Outcome) -> None:
    for name, pipeline in (await stage.pipelines()).items():
        if pipeline["state"] == "failed":
            outcome.failures.append(f"{name} has failed: {pipeline['failure']}")
    await stage.resume()


async def _look_for_dead_letters(stage: BrokenStage, outcome: Outcome) -> None:
    for name, pipeline in (await stage.pipelines()).items():
        if pipeline["dead_letters_open"]:
            outcome.failures.append(f"{name} has {pipeline['dead_letters_open']} dead letters")


def _points(samples: Sequence[Sample], name: str) -> list[Point]:
    values = ((sample, getattr(sample, name)) for sample in samples)
    return [
        Point(sample.at, 0 if name in OUTLIVES_A_PROCESS else sample.life, float(value))
        for sample, value in values
        if value is not None
    ]
