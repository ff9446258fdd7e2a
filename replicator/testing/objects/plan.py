"""What a seed decides of a world of objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from replicator.testing.loop import seeded
from replicator.testing.network import HANGING, QUIET, ROUGH, SLUGGISH, Rates
from replicator.testing.plan import Course, draw_limits

LIST_SECONDS = (1.0, 3.0, 8.0)


@dataclass(frozen=True, slots=True)
class Plan(Course):
    """One world of objects.

    Attributes:
        cold_objects, hot_objects: names that are there from the start; names that are written all the time.
        leftovers: whether the sink holds something when the pipeline first starts.
        marks: whether the source has marks.
        repeat, delay, lose, reorder: how likely that befalls an event on its way; where any is lost
            nothing but tags is ever changed alone, because only an event tells of that.
        visibility_seconds: how long an event that was taken stays hidden.
        shows: how often events in hand show again before their time.
        replaced: what a body does whose object is replaced as it is read.
        gap_seconds, burst: mean time between two writes; how many writes a name gets in a row.
        cold_share, delete_share, tag_share: how many of the writes meet a cold object, are deletes, are
            changes of tags alone.
        refused_objects: names whose objects are too large for the sink.
        repairs: whether the operator has differences repaired while all is busy.
        widened_share: when it is widened, as a share of the busy time; 1 where only healing does it.
        waive_share: how often an operator waives a dead letter rather than replay it.
        meddle_seconds: mean time between two writes of another writer at the sink; 0 where there is none.
        store_rates: how the calls to our own store go.
    """

    cold_objects: int
    hot_objects: int
    leftovers: bool
    marks: bool
    repeat: float
    delay: float
    lose: float
    reorder: float
    visibility_seconds: float
    shows: int
    replaced: Literal["kept", "changed"]
    gap_seconds: float
    burst: int
    cold_share: float
    delete_share: float
    tag_share: float
    refused_objects: int
    widened_share: float
    waive_share: float
    meddle_seconds: float
    repairs: bool
    page_rows: int
    page_changes: int
    store_rates: Rates


def draw(seed: int) -> Plan:
    """The plan of a seed."""
    chance = seeded(f"plan {seed}")
    lose = chance.choice((0.0, 0.1, 0.4))
    return Plan(
        cold_objects=chance.choice((0, 4, 12)),
        hot_objects=chance.choice((2, 4, 8)),
        leftovers=chance.random() < 0.6,
        marks=chance.random() < 0.75,
        repeat=chance.choice((0.0, 0.3)),
        delay=chance.choice((0.0, 0.5)),
        lose=lose,
        reorder=chance.choice((0.0, 0.8)),
        visibility_seconds=chance.choice((1.0, 3.0, 10.0)),
        shows=chance.choice((0, 0, 3)),
        replaced=chance.choice(("kept", "changed")),
        busy_seconds=chance.uniform(6.0, 16.0),
        gap_seconds=chance.choice((0.03, 0.06, 0.2)),
        burst=chance.choice((1, 3)),
        cold_share=chance.choice((0.1, 0.5)),
        delete_share=chance.choice((0.1, 0.4, 0.7)),
        tag_share=0.0 if lose else chance.choice((0.0, 0.3)),
        kills=chance.choice((0, 1, 2, 4)),
        stops=chance.choice((0, 0, 1)),
        steps=chance.choice((0, 0, 2)),
        spells=chance.choice((0, 0, 2)),
        limit_changes=chance.choice((0, 0, 4)),
        barrier_seconds=chance.choice((0.0, 0.3, 1.0)),
        refused_objects=chance.choice((0, 0, 8)),
        widened_share=chance.choice((0.5, 1.0)),
        waive_share=seeded(f"waivers {seed}").choice((0.0, 0.5, 0.9)),
        meddle_seconds=chance.choice((0.0, 0.1, 1.0)),
        repairs=chance.random() < 0.3,
        command_seconds=chance.choice((0.0, 1.0, 3.0)),
        page_rows=chance.randint(2, 10),
        page_changes=chance.randint(2, 20),
        poll_seconds=chance.choice((0.05, 0.2)),
        latency_seconds=chance.choice((0.005, 0.05)),
        rates=chance.choice((QUIET, ROUGH, SLUGGISH, SLUGGISH, HANGING)),
        store_rates=chance.choice((QUIET, Rates(slow=0.1))),
        limits=draw_limits(chance, list_seconds=chance.choice(LIST_SECONDS)),
    )
