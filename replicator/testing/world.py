"""A world: systems, a disk, a network between them, and processes that replicate.

The processes run the unmodified engine. They reach the world only through the decorators of ``faults``,
and they can be killed between any two steps. What the systems hold is the matter of ``items``, ``objects``
and ``messages``.
"""

from __future__ import annotations

import asyncio
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from replicator.config.limits import Limits
from replicator.connector import Sink, Source
from replicator.engine.limits import FIXED, changed
from replicator.engine.parts import Parts, QueueMode
from replicator.engine.pipeline import Pipeline
from replicator.engine.status import PipelineStatus, State
from replicator.engine.supervisor import Charge, Supervisor
from replicator.stores import Store
from replicator.testing.commands import Operator
from replicator.testing.disk import Disk, InMemoryStore
from replicator.testing.faults import faulty_store
from replicator.testing.loop import Life, VirtualClock, VirtualLoop, seeded
from replicator.testing.network import QUIET, Network
from replicator.testing.plan import Course, draw_limits

NAME = "orders"
FRESHNESS_SECONDS_MAX = 2.0
OBSERVE_SECONDS = 0.25
LIST_AGE_SECONDS_MAX = 1000.0
LIMITS_AT_ONCE = 3

Plant = Callable[[Any], None]
"""Puts a bug into a pipeline before it runs."""

Plants = Mapping[str, Plant]
"""Bugs by name."""


class Book(Protocol):
    """What a world has to know of its ledger."""

    violations: list[str]
    gate_openings: int

    def freeze(self) -> None:
        """From now on nothing changes at the source, and the sink may only stay right."""

    def differences(self) -> list[str]:
        """What the sink does not have as the source has it, in words."""


class _Planted(Supervisor):
    """A supervisor whose pipelines have bugs."""

    def __init__(
        self, charge: Charge, failed: Callable[[str, BaseException], None], plants: Sequence[Plant]
    ) -> None:
        super().__init__(charge, failed)
        self._plants = plants

    async def _accompany(self, pipeline: Pipeline, *, new_backfill: bool) -> None:
        for plant in self._plants:
            plant(pipeline)
        await super()._accompany(pipeline, new_backfill=new_backfill)


class World(ABC):
    """Everything of one seed.

    Attributes:
        clock: the engine's machine's, which may be set off.
        true_clock: that of the systems around it.
        mode: that of a queue, for the next process that is started.
    """

    mode: QueueMode | None = None

    def __init__(self, seed: int, plan: Course, loop: VirtualLoop, plants: Sequence[Plant]) -> None:
        self.course = plan
        self.loop = loop
        self.chance = seeded(f"world {seed}")
        self.clock = VirtualClock(loop)
        self.true_clock = VirtualClock(loop)
        self.stepped_seconds = 0.0
        self.disk = Disk()
        longest = plan.limits.sink_call_seconds_max
        self.network = Network(self.chance, plan.rates, longest, plan.latency_seconds)
        self.local = Network(self.chance, QUIET, longest)
        self.life: Life | None = None
        self.supervisor: Supervisor | None = None
        self.process: asyncio.Task[None] | None = None
        self.starts = 0
        self.is_healed = False
        self._plants = plants
        self.events: list[str] = []
        self._happened: dict[str, asyncio.Event] = {}

    # What the shape of state adds.

    @property
    @abstractmethod
    def book(self) -> Book:
        """What really happened."""

    @abstractmethod
    def prepare(self) -> None:
        """What is there before the first start."""

    @abstractmethod
    def activities(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What users do while the world is busy."""

    @abstractmethod
    def store(self) -> InMemoryStore:
        """The notes on disk as a process sees them, watched."""

    @abstractmethod
    def ends(self) -> tuple[Source, Sink]:
        """The two ends of a process, behind the network."""

    @abstractmethod
    def operator(self, supervisor: Supervisor, store: Store) -> Operator:
        """Who operates a process."""

    @abstractmethod
    def compare(self, status: PipelineStatus) -> None:
        """Compare what the engine says of itself with what is the case."""

    @property
    @abstractmethod
    def is_settled(self) -> bool:
        """Whether the systems are at rest: both sides equal, nothing noted, nothing on its way."""

    @abstractmethod
    async def conclude(self, seconds_max: float) -> None:
        """What is checked after everything was right for a while."""

    def excuses(self, _error: BaseException) -> bool:
        """Whether a pipeline may stop for this."""
        return False

    def is_complete(self, status: PipelineStatus) -> bool:
        """Whether the process says that nothing is left to do."""
        return status.state is State.RUNNING and status.dead_letters_open == 0

    # What happens.

    def note(self, event: str) -> None:
        """Add an event to the trace, by which two runs of a seed are compared."""
        self.events.append(f"{self.loop.time():.6f} {event}")
        word = event.split(maxsplit=1)[0]
        for awaited in ("", word):
            self._happened.setdefault(awaited, asyncio.Event()).set()

    @property
    def trace(self) -> str:
        """What has happened so far, as a digest."""
        return hashlib.blake2b("\n".join(self.events).encode(), digest_size=8).hexdigest()

    def start(self) -> None:
        """Start a process."""
        self.starts += 1
        self.note(f"start {self.starts}")
        self.life = Life(f"process-{self.starts}")
        self.process = self.life.run(lambda: self.loop.create_task(self._serve(), name="process"))

    def kill(self) -> None:
        """End the process between two steps."""
        self.note("kill")
        if self.life is not None:
            self.life.kill(self.loop)

    async def next_event(self, seconds_max: float, *, rare: bool) -> None:
        """Wait until something is written anywhere, or so long.

        With ``rare`` it is something of one kind, by its first word, and all kinds that there have been are
        as likely; without, it is most likely what happens most often.
        """
        awaited = self._happened[self.chance.choice(list(self._happened)) if rare else ""]
        awaited.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds_max):
                await awaited.wait()

    async def stop(self) -> None:
        """Ask the process to stop, and kill it if it does not within its time."""
        self.note("stop")
        if self.supervisor is None or self.process is None:
            return
        self.supervisor.stop()
        await asyncio.wait([self.process], timeout=2 * self.course.limits.stop_seconds_max)
        if not self.process.done():
            self.kill()

    def set_clock_off(self, seconds: float) -> None:
        """Let the wall clock of the process's machine differ from that of the systems by so much."""
        self.clock.step(seconds - (self.clock.wall() - self.true_clock.wall()))
        self.stepped_seconds = max(self.stepped_seconds, abs(seconds))

    def change_limits(self) -> None:
        """Change some of the limits of the process, if there is one, as its API does."""
        drawn = self.draw_limits().model_dump()
        names = self.chance.sample(sorted(drawn.keys() - FIXED.keys()), LIMITS_AT_ONCE)
        supervisor, life = self.supervisor, self.life
        if supervisor is None or life is None or not life.alive:
            return
        given = {name: drawn[name] for name in names}
        found = changed(supervisor.limits, given, LIST_AGE_SECONDS_MAX)
        self.note(f"limits {given}")
        life.run(supervisor.change_limits, found)

    def draw_limits(self) -> Limits:
        """Other limits than those of the plan."""
        return draw_limits(self.chance)

    async def heal(self) -> None:
        """End all faults."""
        self.network.rates = QUIET
        self.local.rates = QUIET
        self.is_healed = True

    def observe(self) -> None:
        """Compare what a living process says of itself with what is the case."""
        supervisor, life = self.supervisor, self.life
        if supervisor is not None and life is not None and life.alive:
            self.compare(supervisor.status())

    @property
    def at_rest(self) -> bool:
        """Whether nothing is left to do: all is proved applied, and nothing can land."""
        status = None if self.supervisor is None else self.supervisor.status()
        return (
            status is not None
            and self.is_complete(status)
            and not self.network.in_flight
            and self.is_settled
        )

    def what_is_left(self) -> str:
        """Why the world is not at rest although both sides are equal."""
        status = None if self.supervisor is None else self.supervisor.status()
        return f"{self.network.in_flight} calls in flight, settled: {self.is_settled}, {status}"

    async def until(self, condition: Callable[[], bool], seconds_max: float) -> bool:
        """Wait for the condition; False if it does not hold in time."""
        ends_at = self.loop.time() + seconds_max
        while not condition():
            if self.loop.time() > ends_at:
                return False
            await asyncio.sleep(OBSERVE_SECONDS)
        return True

    async def verify(self, seconds_max: float) -> None:
        """Let the process verify: where both sides are equal it must not find a difference."""
        found = await self._verify(seconds_max)
        if found != 0:
            self.book.violations.append(
                f"both sides are equal, but a verification found {found} mismatches"
            )

    async def _verify(self, seconds_max: float) -> int | None:
        """How many mismatches the process finds; None if it does not end."""
        supervisor = self.supervisor
        if supervisor is None or self.life is None:
            return None

        def is_idle() -> bool:
            verification = supervisor.status().verification
            return verification is None or verification.finished_at is not None

        if not await self.until(is_idle, seconds_max):
            return None
        verification = self.life.run(lambda: supervisor.verify(repair=False, quiet_source=False))
        return verification.mismatches if await self.until(is_idle, seconds_max) else None

    async def _serve(self) -> None:
        store = faulty_store(self.store(), self.local)
        mode = self.mode
        charge = Charge(
            name=NAME,
            source="memory",
            sink="memory",
            assemble=lambda: self._parts(store, mode),
            freshness_seconds_max=FRESHNESS_SECONDS_MAX,
            limits=self.course.limits,
            clock=self.clock,
        )
        self.supervisor = supervisor = _Planted(charge, self._failed, self._plants)
        operator = self.operator(supervisor, store)
        async with asyncio.TaskGroup() as tasks:
            helpers = [tasks.create_task(operator.mend(lambda: self.is_healed))]
            if self.course.barrier_seconds:
                barriers = operator.wait(self.course.barrier_seconds, lambda: self.is_healed)
                helpers.append(tasks.create_task(barriers))
            if self.course.command_seconds:
                commands = operator.command(self.course.command_seconds, lambda: self.is_healed)
                helpers.append(tasks.create_task(commands))
            await supervisor.run()
            for helper in helpers:
                helper.cancel()

    def _failed(self, _name: str, error: BaseException) -> None:
        self.note(f"failed {error!r}")
        if not self.excuses(error):
            self.book.violations.append(f"the pipeline failed: {error!r}")

    def _parts(self, store: Store, mode: QueueMode | None) -> Parts:
        source, sink = self.ends()
        return Parts(
            name=NAME,
            source=source,
            sink=sink,
            store=store,
            limits=self.course.limits,
            clock=self.clock,
            jitter=seeded(f"jitter {self.chance.random()}"),
            mode=mode,
        )
