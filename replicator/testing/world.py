"""A world: systems, a disk, a network between them, and the processes that replicate.

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
from replicator.engine.gate import Verdict
from replicator.engine.limits import FIXED, changed
from replicator.engine.parts import Parts, QueueMode
from replicator.engine.pipeline import Pipeline
from replicator.engine.status import PipelineStatus, State
from replicator.engine.supervisor import STANDING_BY, Charge, Supervisor
from replicator.model.errors import NotNowError
from replicator.stores import Store
from replicator.testing.commands import Operator
from replicator.testing.disk import Disk, InMemoryStore
from replicator.testing.faults import faulty_store
from replicator.testing.leases import LeaseWatch
from replicator.testing.loop import Life, VirtualClock, VirtualLoop, seeded
from replicator.testing.network import QUIET, Network
from replicator.testing.plan import Course, draw_limits
from replicator.testing.replicas import Replica, draw_company
from replicator.testing.violations import Violations

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

    violations: Violations
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
        is_alone: whether there can only be one process at a time.
        repeats: whether a write that comes again does no harm.
        verdict: the last one on the process at work; None where nothing is known of that process yet.
    """

    mode: QueueMode | None = None
    is_alone: bool = False
    repeats: bool = False
    verdict: Verdict | None = None

    def __init__(self, seed: int, plan: Course, loop: VirtualLoop, plants: Sequence[Plant]) -> None:
        self.course = plan
        self.loop = loop
        self.chance = seeded(f"world {seed}")
        self.clock = VirtualClock(loop)
        self.true_clock = VirtualClock(loop)
        self.stepped_seconds = 0.0
        self.disk = Disk()
        self.company = company = draw_company(seed, alone=self.is_alone)
        self.limits = company.limits(plan.limits)
        longest = plan.limits.sink_call_seconds_max
        self.network = Network(self.chance, plan.rates, longest, plan.latency_seconds)
        self.store_rates = QUIET
        self.replicas = [Replica(Network(self.chance, QUIET, longest)) for _ in range(company.replicas)]
        self.watch = LeaseWatch(loop, longest, repeats=self.repeats, complain=self._complain)
        self.network.sending, self.network.landed = self.watch.sending, self.watch.landed
        self.network.epoch_of = self.watch.epoch_of
        self.observed: Life | None = None
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
    def store(self, name: str) -> InMemoryStore:
        """The notes on disk as the process of this name sees them, watched."""

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

    def start(self, replica: Replica) -> None:
        """Start a process."""
        self.starts += 1
        self.note(f"start {self.starts}")
        replica.local.rates = QUIET if self.is_healed else self.store_rates
        replica.supervisor = None
        replica.life = life = Life(f"process-{self.starts}")
        replica.process = life.run(
            lambda: self.loop.create_task(self._serve(replica, life.name), name="process")
        )

    def kill(self, replica: Replica) -> None:
        """End the process between two steps."""
        self.note("kill")
        if replica.life is not None:
            replica.life.kill(self.loop)
            if self.company.deaths_known:
                self.disk.ended.add(replica.life.name)

    async def freeze(self, replica: Replica) -> None:
        """Give a process no time for about its lease, or longer."""
        self.note("freeze")
        await replica.freeze(self.loop, self.chance.uniform(0.5, 2.0) * self.limits.lease_seconds)

    async def cut_off(self, replica: Replica) -> None:
        """Let a process not reach the store for about its lease, or longer."""
        self.note("cut")
        seconds = self.chance.uniform(0.7, 2.0) * self.limits.lease_seconds
        replica.cut(self.loop.time() + seconds)
        await asyncio.sleep(seconds)

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

    async def stop(self, replica: Replica) -> None:
        """Ask the process to stop, and kill it if it does not within its time."""
        self.note("stop")
        if replica.supervisor is None or replica.process is None:
            return
        replica.supervisor.stop()
        await asyncio.wait([replica.process], timeout=2 * self.limits.stop_seconds_max)
        if not replica.process.done():
            self.kill(replica)

    @property
    def acting(self) -> Replica | None:
        """Where the process is that is at work; None where nobody can be sure to be."""
        found = [replica for replica in self.replicas if replica.acts]
        if len(found) > 1:
            self.book.violations.add("two processes are certain to hold the pipeline")
        return found[0] if found else None

    def set_clock_off(self, seconds: float) -> None:
        """Let the wall clock of the process's machine differ from that of the systems by so much."""
        self.clock.step(seconds - (self.clock.wall() - self.true_clock.wall()))
        self.stepped_seconds = max(self.stepped_seconds, abs(seconds))

    def change_limits(self) -> None:
        """Change some of the limits of a process, if there is one, as its API does."""
        replica = self.chance.choice(self.replicas)
        drawn = self.draw_limits().model_dump()
        names = self.chance.sample(sorted(drawn.keys() - FIXED.keys()), LIMITS_AT_ONCE)
        supervisor, life = replica.supervisor, replica.life
        if supervisor is None or life is None or not life.alive or life.frozen:
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
        for replica in self.replicas:
            replica.local.rates = QUIET
        self.is_healed = True

    def observe(self) -> None:
        """Compare what the process at work says of itself with what is the case."""
        acting = self.acting
        if acting is None or acting.supervisor is None:
            return
        if acting.life is not self.observed:
            self.observed, self.verdict = acting.life, None
        self.compare(acting.supervisor.status())

    def _status(self) -> PipelineStatus | None:
        acting = self.acting
        return None if acting is None or acting.supervisor is None else acting.supervisor.status()

    @property
    def at_rest(self) -> bool:
        """Whether nothing is left to do: all is proved applied, and nothing can land."""
        status = self._status()
        return (
            status is not None
            and self.is_complete(status)
            and not self.network.in_flight
            and self.is_settled
        )

    def what_is_left(self) -> str:
        """Why the world is not at rest although both sides are equal."""
        return f"{self.network.in_flight} calls in flight, settled: {self.is_settled}, {self._status()}"

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
            self._complain(f"both sides are equal, but a verification found {found} mismatches")

    async def _verify(self, seconds_max: float) -> int | None:
        """How many mismatches the process finds; None if it does not begin, or does not end."""
        acting = self.acting
        if acting is None or acting.supervisor is None or acting.life is None:
            return None
        supervisor, life = acting.supervisor, acting.life

        def is_idle() -> bool:
            verification = supervisor.status().verification
            return verification is None or verification.finished_at is not None

        if not await self.until(is_idle, seconds_max):
            return None
        try:
            verification = life.run(lambda: supervisor.verify(repair=False, quiet_source=False))
        except NotNowError:
            return None
        return verification.mismatches if await self.until(is_idle, seconds_max) else None

    async def _serve(self, replica: Replica, name: str) -> None:
        noted = self.store(name)
        noted.watch = self.watch
        store = faulty_store(noted, replica.local)
        mode = self.mode
        charge = Charge(
            name=NAME,
            source="memory",
            sink="memory",
            assemble=lambda: self._parts(store, mode),
            freshness_seconds_max=FRESHNESS_SECONDS_MAX,
            limits=self.limits,
            clock=self.clock,
        )
        replica.supervisor = supervisor = _Planted(charge, self._failed, self._plants)
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
        if not self.excuses(error) and not isinstance(error, STANDING_BY):
            self._complain(f"the pipeline failed: {error!r}")

    def _complain(self, violation: str) -> None:
        self.book.violations.add(violation)

    def _parts(self, store: Store, mode: QueueMode | None) -> Parts:
        source, sink = self.ends()
        return Parts(
            name=NAME,
            source=source,
            sink=sink,
            store=store,
            limits=self.limits,
            clock=self.clock,
            jitter=seeded(f"jitter {self.chance.random()}"),
            mode=mode,
        )
