"""What a seed decides of a world of messages."""

from __future__ import annotations

from dataclasses import dataclass

from replicator.testing.loop import seeded
from replicator.testing.network import QUIET, ROUGH, SLUGGISH, Rates
from replicator.testing.plan import Course, draw_limits


@dataclass(frozen=True, slots=True)
class Plan(Course):
    """One world of messages.

    Attributes:
        fifo: whether the queue has groups that keep their order.
        groups: how many there are; a standard queue has none.
        marks: whether the source has marks.
        first_messages: how many are there from the start.
        repeat, delay, reorder: how likely that befalls a message on its way into a standard queue.
        visibility_seconds: how long a message that was taken stays hidden.
        shows: how often messages in hand show again before their time.
        window_seconds: for how long the bus knows duplicates.
        gap_seconds, burst: mean time between two sends; how many messages are sent at one moment.
        large_share: how many messages are too large for the bus until it is widened.
        widened_share: when the bus is widened, as a share of the busy time; 1 where only healing does it.
        waive_share: how often an operator waives a dead letter rather than replay it.
        hold_share: for how much of the busy time the queue is held.
        store_rates: how the calls to our own store go.
    """

    fifo: bool
    groups: int
    marks: bool
    first_messages: int
    repeat: float
    delay: float
    reorder: float
    visibility_seconds: float
    shows: int
    window_seconds: float
    gap_seconds: float
    burst: int
    large_share: float
    widened_share: float
    waive_share: float
    hold_share: float
    page_changes: int
    store_rates: Rates


def draw(seed: int) -> Plan:
    """The plan of a seed."""
    chance = seeded(f"plan {seed}")
    fifo = chance.random() < 0.6
    return Plan(
        fifo=fifo,
        groups=chance.randint(1, 5) if fifo else 0,
        marks=chance.random() < 0.75,
        first_messages=chance.choice((0, 10, 40)),
        repeat=0.0 if fifo else chance.choice((0.0, 0.3)),
        delay=0.0 if fifo else chance.choice((0.0, 0.5)),
        reorder=0.0 if fifo else chance.choice((0.0, 0.8)),
        visibility_seconds=chance.choice((1.0, 5.0, 10.0)),
        shows=chance.choice((0, 0, 3, 10)),
        window_seconds=chance.choice((600.0, 600.0, 5.0)),
        busy_seconds=chance.uniform(5.0, 12.0),
        gap_seconds=chance.choice((0.03, 0.1, 0.3)),
        burst=chance.choice((1, 3)),
        large_share=chance.choice((0.0, 0.02, 0.1)),
        widened_share=chance.choice((0.5, 1.0)),
        waive_share=chance.choice((0.0, 0.5, 1.0)),
        hold_share=chance.choice((0.0, 0.0, 0.4, 1.0)),
        kills=chance.choice((0, 1, 2, 4)),
        stops=chance.choice((0, 0, 1)),
        steps=chance.choice((0, 0, 2)),
        spells=chance.choice((0, 0, 2)),
        limit_changes=chance.choice((0, 0, 4)),
        barrier_seconds=chance.choice((0.0, 0.3, 1.0)),
        command_seconds=chance.choice((0.0, 0.3, 1.0)),
        page_changes=chance.randint(2, 12),
        poll_seconds=chance.choice((0.05, 0.1)),
        latency_seconds=chance.choice((0.005, 0.05)),
        rates=chance.choice((QUIET, ROUGH, ROUGH, SLUGGISH, SLUGGISH)),
        store_rates=chance.choice((QUIET, Rates(slow=0.1))),
        limits=draw_limits(chance),
    )
