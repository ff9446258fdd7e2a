"""What a pipeline is made of, and whether the two ends can do what it needs."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from replicator.config.limits import Limits
from replicator.connector import Conditions, Inserts, Reads, Scans, Sink, Source
from replicator.engine.restore import RepairableSink
from replicator.model.clock import Clock
from replicator.model.errors import ConfigError
from replicator.stores import Store


@dataclass(frozen=True)
class Parts:
    """What a pipeline is made of; the simulator brings its own of each.

    ``call_timed`` is told of every sink call: the operation's name, and its duration in seconds.
    """

    name: str
    source: Source
    sink: Sink
    store: Store
    limits: Limits
    clock: Clock
    jitter: random.Random
    dead_letter_policy: str = "keep"
    dead_letters_open_max: int = 1000
    call_timed: Callable[[str, float], None] = lambda _operation, _seconds: None


class RepairableSource(Source, Scans, Reads, Protocol):
    """A source of records that can be scanned, and read by key."""


class ScannableSink(RepairableSink, Scans, Protocol):
    """A sink of records that can be compared as a whole."""


def check_abilities(parts: Parts) -> tuple[RepairableSource, ScannableSink]:
    """The two ends, if they can do what a pipeline of records needs.

    Raises:
        ConfigError: names everything that is missing.
    """
    source, sink = parts.source, parts.sink
    missing = [
        f"pipeline {parts.name}: the {side} cannot do «{ability.__name__.lower()}»"
        for side, end, abilities in (
            ("source", source, (Source, Scans, Reads)),
            ("sink", sink, (Sink, Inserts, Conditions, Reads, Scans)),
        )
        for ability in abilities
        if not isinstance(end, ability)
    ]
    if missing:
        raise ConfigError(
            missing, hint="Pair a source and a sink that hold records, such as dynamodb and cosmos."
        )
    return cast(RepairableSource, source), cast(ScannableSink, sink)
