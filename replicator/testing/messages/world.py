"""A world of messages."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from connectors.memory.config import MemorySinkSettings, MemorySourceSettings
from connectors.memory.messages.bus import Posted
from connectors.memory.messages.sink import MemoryMessageSink
from connectors.memory.messages.source import MarkedMemoryMessageSource, MemoryMessageSource
from replicator.config.settings import Gate
from replicator.connector import Sink, Source
from replicator.engine.gate import judge
from replicator.engine.status import PipelineStatus, observation_of
from replicator.engine.supervisor import Supervisor
from replicator.stores import DeadLetter, Store
from replicator.testing.commands import Operator
from replicator.testing.disk import InMemoryStore
from replicator.testing.faults import faulty_source
from replicator.testing.loop import VirtualLoop, seeded
from replicator.testing.messages.faults import faulty_message_sink
from replicator.testing.messages.ledger import Ledger
from replicator.testing.messages.operator import MessageOperator
from replicator.testing.messages.plan import draw
from replicator.testing.messages.systems import WatchedBus, WatchedStore
from replicator.testing.messages.workload import SMALL_BYTES_MAX, WIDE_BYTES_MAX, Workload
from replicator.testing.plan import STEP_SECONDS_MAX
from replicator.testing.queues import WatchedQueue, Weather
from replicator.testing.replicas import Replica
from replicator.testing.world import FRESHNESS_SECONDS_MAX, NAME, Plant, World

BOUNDS = Gate(
    lag_seconds_max=1.0,
    freshness_seconds_max=FRESHNESS_SECONDS_MAX,
    retention_seconds_min=60.0,
    stable_for_seconds=FRESHNESS_SECONDS_MAX,
)


class MessageWorld(World):
    """A queue, a bus, and what carries messages from one to the other."""

    repeats = True

    def __init__(self, seed: int, loop: VirtualLoop, plants: Sequence[Plant]) -> None:
        self.plan = plan = draw(seed)
        self.is_alone = plan.hold_share > 0  # what is held or moved is known of the newest process
        super().__init__(seed, plan, loop, plants)
        self.store_rates = plan.store_rates
        if plan.waive_share:  # who waives cannot know of a send that was frozen on its way, and is not over
            self.company = replace(self.company, freezes=0)
        weather = Weather(
            chance=seeded(f"weather {seed}"),
            repeat=plan.repeat,
            delay=plan.delay,
            reorder=plan.reorder,
            is_over=lambda: self.is_healed,
        )
        self.queue = WatchedQueue(self.true_clock, plan.visibility_seconds, weather, fifo=plan.fifo)
        self.bus = WatchedBus(
            self.true_clock,
            sessions=plan.fifo,
            message_bytes_max=SMALL_BYTES_MAX,
            duplicates_seconds=plan.window_seconds,
        )
        self.ledger = Ledger(
            self.queue,
            self.bus,
            self.true_clock,
            plan.window_seconds,
            plan.limits.sink_call_seconds_max,
        )
        self.workload = Workload(self.chance, plan, self.queue, self.bus, self.ledger)
        self._tried: set[object] = set()
        self._began_at = loop.time()
        arriving = self.bus.arriving

        def arrived(posted: Posted) -> None:
            self.note(f"arrived {posted.id}")
            arriving(posted)

        self.bus.arriving = arrived

    @property
    def book(self) -> Ledger:
        """What really happened."""
        return self.ledger

    def prepare(self) -> None:
        """Messages that wait already."""
        self.workload.prepare()

    def activities(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Sends, messages that show again, and a bus that is widened."""
        workload = self.workload
        return [
            workload.send_for(self.plan.busy_seconds),
            workload.show_again(),
            workload.widen(),
        ]

    def start(self, replica: Replica) -> None:
        """Start a process in the mode of the time."""
        held_seconds = self.plan.hold_share * self.plan.busy_seconds
        is_held = not self.is_healed and self.loop.time() - self._began_at < held_seconds
        self.mode = "hold" if is_held else "bridge"
        self.ledger.held = is_held
        super().start(replica)

    async def heal(self) -> None:
        """End all faults; the bus takes what was too large, and the queue is moved."""
        self.bus.message_bytes_max = WIDE_BYTES_MAX
        await super().heal()
        if self.mode == "hold":
            for replica in self.replicas:
                await self.stop(replica)
                self.start(replica)

    def store(self, name: str) -> InMemoryStore:
        """A store whose dead letters are known."""
        return WatchedStore(self.disk, name, self._kept)

    def ends(self) -> tuple[Source, Sink]:
        """A source of the queue and a sink of the bus."""
        plan = self.plan
        reading = MemorySourceSettings(
            queue=NAME, poll_seconds=plan.poll_seconds, page_changes_max=plan.page_changes
        )
        source = (MarkedMemoryMessageSource if plan.marks else MemoryMessageSource)(self.queue, reading)
        sink = MemoryMessageSink(self.bus, MemorySinkSettings(bus=NAME))
        return faulty_source(source, self.network), faulty_message_sink(sink, self.network)

    def operator(self, supervisor: Supervisor, store: Store) -> Operator:
        """Someone who waits on barriers, and settles dead letters."""
        tolerance = 2 * STEP_SECONDS_MAX if self.plan.steps else 0.0
        settled_seconds = self.plan.limits.sink_call_seconds_max + tolerance
        return MessageOperator(
            supervisor,
            store,
            self.ledger,
            self.chance,
            self.plan.waive_share,
            settled_seconds,
            self._tried,
        )

    def compare(self, status: PipelineStatus) -> None:
        """The lag is not understated, and the gate not open too early."""
        lag, queue = status.lag, status.queue
        slack = self.stepped_seconds + 1e-6
        self.verdict = judge([observation_of(status)], BOUNDS, self.verdict, self.loop.time())
        is_open = self.verdict.can_cutover
        if queue is not None and queue.mode == "hold":
            if is_open and queue.backlog_changes is not None:
                self.ledger.opened_held(queue.backlog_changes, FRESHNESS_SECONDS_MAX + slack)
        elif lag is not None and lag.lag_seconds is not None and lag.freshness_seconds is not None:
            behind = max(lag.lag_seconds, lag.freshness_seconds) + slack
            self.ledger.reported(behind)
            if is_open:
                self.ledger.opened(behind)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left in the queue, and every message arrived or was waived."""
        is_open = any(letter.state == "open" for letter in self.disk.letters.values())
        return self.queue.counts() == (0, 0) and not is_open and not self.ledger.differences()

    async def conclude(self, seconds_max: float) -> None:
        """Nothing more: a queue has nothing to be compared with."""

    def _kept(self, letter: DeadLetter) -> None:
        self.note(f"letter {letter.key} {letter.state} {letter.error_code}")
        self.ledger.kept(letter)
