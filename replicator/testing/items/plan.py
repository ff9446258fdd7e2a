"""What a seed decides before anything runs: the systems, the workload, the faults, the bounds."""

from __future__ import annotations

from dataclasses import dataclass

from replicator.testing.loop import seeded
from replicator.testing.network import QUIET, ROUGH, SLUGGISH
from replicator.testing.plan import Course, draw_limits


@dataclass(frozen=True, slots=True)
class Plan(Course):
    """One world of items.

    Attributes:
        cold_rows, hot_keys: rows that are there from the start; keys that are written all the time.
        old_rows: rows that are deleted, or written a last time, soon after the start.
        leftovers: whether the sink holds something when the pipeline first starts.
        marks: whether the source has marks.
        delay_seconds: between a commit and its change becoming readable in the log.
        forgets: whether the source drops what the engine committed.
        gap_seconds: mean time between two writes.
        burst: how many writes a key gets in a row; with many keys it is then left alone for long.
        cold_share, delete_share: how many of the writes meet a cold row, and how many are deletes.
        splits, trims: how often a shard ends in two others or one, and the log is trimmed, read or not.
        withheld_share: of how many pages a shard begins to give only empty ones for a while.
        iterator_seconds: how long what the log is read with can rest before it expires.
        refused_keys: keys whose records the sink refuses for good.
        repairs: whether the operator has differences repaired while all is busy.
        accepted_share: when it takes them after all, as a share of the busy time; 1: only healing does it.
    """

    shards: int
    cold_rows: int
    hot_keys: int
    old_rows: int
    leftovers: bool
    marks: bool
    delay_seconds: float
    forgets: bool
    gap_seconds: float
    burst: int
    cold_share: float
    delete_share: float
    splits: int
    trims: int
    withheld_share: float
    iterator_seconds: float
    refused_keys: int
    accepted_share: float
    repairs: bool
    page_rows: int
    page_changes: int


def draw(seed: int) -> Plan:
    """The plan of a seed."""
    chance = seeded(f"plan {seed}")
    return Plan(
        shards=chance.randint(1, 3),
        cold_rows=chance.choice((0, 10, 30)),
        hot_keys=chance.randint(2, 8),
        old_rows=chance.choice((0, 24, 48)),
        leftovers=chance.random() < 0.4,
        marks=chance.random() < 0.75,
        delay_seconds=chance.choice((0.0, 0.0, 0.3, 1.0)),
        forgets=chance.random() < 0.5,
        busy_seconds=chance.uniform(5.0, 15.0),
        gap_seconds=chance.choice((0.03, 0.1, 0.3)),
        burst=chance.choice((1, 3)),
        cold_share=chance.choice((0.1, 0.5, 0.9)),
        delete_share=chance.choice((0.3, 0.6)),
        kills=chance.choice((0, 1, 2, 4)),
        stops=chance.choice((0, 0, 1)),
        splits=chance.choice((0, 0, 1, 3)),
        steps=chance.choice((0, 0, 2)),
        spells=chance.choice((0, 0, 2)),
        limit_changes=chance.choice((0, 0, 4)),
        barrier_seconds=chance.choice((0.0, 0.3, 1.0)),
        trims=chance.choice((0, 0, 0, 1)),
        refused_keys=chance.choice((0, 0, 2)),
        withheld_share=chance.choice((0.0, 0.0, 0.1)),
        iterator_seconds=chance.choice((1.0, 300.0)),
        accepted_share=chance.choice((0.5, 1.0)),
        repairs=chance.random() < 0.3,
        command_seconds=chance.choice((0.0, 1.0, 3.0)),
        page_rows=chance.randint(1, 6),
        page_changes=chance.randint(2, 20),
        poll_seconds=chance.choice((0.2, 0.5)),
        latency_seconds=chance.choice((0.005, 0.05)),
        rates=chance.choice((QUIET, ROUGH, ROUGH, SLUGGISH, SLUGGISH)),
        limits=draw_limits(chance),
    )
