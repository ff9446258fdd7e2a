"""What the plans of all worlds have in common: how long, how rough, and within which bounds."""

from __future__ import annotations

import random
from dataclasses import dataclass

from replicator.config.limits import Limits
from replicator.testing.network import Rates

STEP_SECONDS_MAX = 1.5
"""How far the engine's wall clock is ever set off; within what the proof *by time* tolerates."""


@dataclass(frozen=True, slots=True)
class Course:
    """The course of one world.

    Attributes:
        busy_seconds: how long writes, faults and kills go on before everything heals.
        kills, stops, steps: how often the process is killed or asked to stop, and its wall clock is set.
        spells: how often the network is much worse than usual for a while.
        limit_changes: how often somebody changes some of the limits while the process runs.
        command_seconds: mean time between two commands of an operator; 0 where nobody gives any.
        barrier_seconds: mean time between two barriers that somebody waits on; 0 where nobody does.
        poll_seconds: how often an idle source is read.
        latency_seconds: the mean time of each way of a good call.
    """

    busy_seconds: float
    kills: int
    stops: int
    steps: int
    spells: int
    limit_changes: int
    command_seconds: float
    barrier_seconds: float
    poll_seconds: float
    latency_seconds: float
    rates: Rates
    limits: Limits


def draw_limits(chance: random.Random, *, list_seconds: float = 900.0) -> Limits:
    """Bounds as small as a seed likes them."""
    return Limits(
        batch_changes_max=chance.choice((1, 3, 20)),
        changes_in_flight_max=chance.choice((20, 200)),
        bytes_in_flight_max=chance.choice((2_000, 100_000)),
        sink_calls_in_flight_max=chance.choice((2, 6)),
        sink_call_seconds_max=chance.choice((1.0, 3.0)),
        checkpoint_seconds=chance.choice((0.2, 1.0)),
        backfill_pieces_in_flight_max=chance.choice((1, 3)),
        list_seconds=list_seconds,
        retry_seconds_min=chance.choice((0.05, 0.05, 0.2)),
        retry_seconds_max=1.0,
        stop_seconds_max=4.0,
    )
