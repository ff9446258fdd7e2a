"""The simulator: one seed is one world in which the unmodified engine has to keep its promises.

A seed's remainder by three says what its world carries: items, objects or messages. While the world is
busy, users write, calls fail in every way, and the process is killed at any moment; nothing unsafe may
happen. Then everything heals, and the sink has to have all of it within bounded virtual time, and to stay
so.

    python -m replicator.testing.simulator --seed 7
    python -m replicator.testing.simulator --seeds 1000 --from 0
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from replicator.testing.bugs import BUGS, KINDS, kind_of
from replicator.testing.loop import DeadlockError, virtual_loop
from replicator.testing.network import SPELLS
from replicator.testing.plan import STEP_SECONDS_MAX
from replicator.testing.replicas import Replica
from replicator.testing.world import OBSERVE_SECONDS, World

CONVERGE_SECONDS_MAX = 400.0
"""Virtual time for becoming equal after the faults have ended; a swallowed mark alone takes 30 s."""

BESIDE_AN_EFFECT = 0.7
"""How many of the interruptions wait for an effect, and come right after it."""

EFFECT_SECONDS = 2.0
"""How long they wait for it."""

SPELL_SECONDS_MAX = 2.0
"""How long a network is much worse than usual."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a seed showed; ``trace`` is equal for equal runs."""

    seed: int
    kind: str
    bugs: tuple[str, ...]
    violations: tuple[str, ...]
    trace: str
    steps: int
    seconds: float
    starts: int
    gate_openings: int
    plan: object = field(repr=False)
    events: Sequence[str] = field(repr=False)
    fates: Mapping[str, int] = field(repr=False, default_factory=dict)

    @property
    def reproduce(self) -> str:
        """The command that shows it again."""
        planted = "".join(f" --bug {bug}" for bug in self.bugs)
        return f"python -m replicator.testing.simulator --seed {self.seed}{planted}"

    def __str__(self) -> str:
        told = f"{self.violations[0]}; and {len(self.violations) - 1} more" if self.violations else "ok"
        return f"{self.reproduce}  # {told}"


def run_seed(seed: int, bugs: Sequence[str] = ()) -> Report:
    """Live through the world of a seed, with bugs planted by name, and report what was wrong."""
    with closing(virtual_loop(seed)) as loop:
        kind = kind_of(seed)
        world = kind.make(seed, loop, [BUGS[bug] for bug in bugs if bug in kind.bugs])
        try:
            loop.run_until_complete(_live(world))
        except DeadlockError as error:
            world.book.violations.add(str(error))
        complaints = [f"a task failed unseen: {complaint}" for complaint in loop.complaints]
        return Report(
            seed=seed,
            kind=kind.name,
            bugs=tuple(bugs),
            violations=(*world.book.violations, *complaints),
            trace=world.trace,
            steps=loop.steps,
            seconds=loop.time(),
            fates=world.network.fates,
            starts=world.starts,
            gate_openings=world.book.gate_openings,
            plan=world.course,
            events=tuple(world.events),
        )


async def _live(world: World) -> None:
    world.prepare()
    for replica in world.replicas:
        world.start(replica)
    observing = asyncio.create_task(_observe(world))
    async with asyncio.TaskGroup() as busy:
        for activity in world.activities():
            busy.create_task(activity)
        busy.create_task(_interrupt(world))
        busy.create_task(_step_clock(world))
        busy.create_task(_worsen(world))
        busy.create_task(_change_limits(world))
    await world.heal()
    await _converge(world)
    observing.cancel()


async def _interrupt(world: World) -> None:
    """Kill or stop a process now and then, and start it again; freeze one, or cut it off from the store."""
    plan, chance, company = world.course, world.chance, world.company
    interruptions: list[Callable[[Replica], object]] = [world.kill] * plan.kills + [world.stop] * plan.stops
    interruptions += [world.freeze] * company.freezes + [world.cut_off] * company.cuts
    chance.shuffle(interruptions)
    for interrupt in interruptions:
        await asyncio.sleep(chance.uniform(0.0, plan.busy_seconds / len(interruptions)))
        if chance.random() < BESIDE_AN_EFFECT:  # where there is most to get wrong
            await world.next_event(EFFECT_SECONDS, rare=chance.random() < 0.5)
        replica = world.acting if chance.random() < 0.7 else None  # rather whoever is at work
        replica = replica or chance.choice(world.replicas)
        interrupting = interrupt(replica)
        if isinstance(interrupting, Awaitable):
            await interrupting
        if interrupt in (world.kill, world.stop):
            await asyncio.sleep(chance.choice((0.0, chance.uniform(0.0, 2.0))))
            world.start(replica)


async def _step_clock(world: World) -> None:
    """Set the wall clock of the engine's machine off and back."""
    for number in range(world.course.steps):
        await asyncio.sleep(world.chance.uniform(0.0, world.course.busy_seconds / world.course.steps))
        step = world.chance.uniform(-STEP_SECONDS_MAX, STEP_SECONDS_MAX) if number % 2 == 0 else 0.0
        world.set_clock_off(step)


async def _worsen(world: World) -> None:
    """Make the network much worse for a while, and then as it was."""
    plan, chance = world.course, world.chance
    for _ in range(plan.spells):
        await asyncio.sleep(chance.uniform(0.0, plan.busy_seconds / plan.spells))
        world.network.rates = chance.choice(SPELLS)
        await asyncio.sleep(chance.uniform(0.0, SPELL_SECONDS_MAX))
        world.network.rates = plan.rates


async def _change_limits(world: World) -> None:
    """Change some of the limits of the running process, as an operator may at any time."""
    for _ in range(world.course.limit_changes):
        await asyncio.sleep(
            world.chance.uniform(0.0, world.course.busy_seconds / world.course.limit_changes)
        )
        world.change_limits()


async def _observe(world: World) -> None:
    while True:
        await asyncio.sleep(OBSERVE_SECONDS)
        world.observe()


async def _converge(world: World) -> None:
    book = world.book
    if not await world.until(lambda: world.at_rest, CONVERGE_SECONDS_MAX):
        book.violations.add(f"did not converge: {book.differences()}, {world.what_is_left()}")
        return
    book.freeze()
    await asyncio.sleep(2 * world.course.limits.sink_call_seconds_max)
    await world.conclude(CONVERGE_SECONDS_MAX)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run seeds; print one line for each that fails, and a summary."""
    parser = argparse.ArgumentParser(prog="python -m replicator.testing.simulator")
    parser.add_argument("--seed", type=int, help="run this seed alone")
    parser.add_argument("--seeds", type=int, default=100, help="run so many seeds")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first of them")
    parser.add_argument("--kind", choices=[kind.name for kind in KINDS], help="of them only these worlds")
    parser.add_argument("--bug", action="append", default=[], choices=sorted(BUGS), help="plant a bug")
    parser.add_argument("--events", action="store_true", help="with --seed: tell everything that happened")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        report = run_seed(options.seed, options.bug)
        told = report.events if options.events else ()
        sys.stdout.write("\n".join([*told, str(report.plan), repr(report), ""]))
        return 1 if report.violations else 0
    seeds = [
        seed
        for seed in range(options.first, options.first + options.seeds)
        if options.kind in (None, kind_of(seed).name)
    ]
    failed = 0
    for seed in seeds:
        report = run_seed(seed, options.bug)
        if report.violations:
            failed += 1
            sys.stdout.write(f"{report}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(seeds)} seeds, {failed} failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
