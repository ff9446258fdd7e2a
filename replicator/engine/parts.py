"""What a pipeline is made of, and whether the two ends can do what it needs."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from replicator.config.limits import Limits
from replicator.connector import Conditions, Inserts, Reads, Scans, Sink, Source
from replicator.engine.restore import RepairableSink
from replicator.model.checkpoint import Backfill
from replicator.model.clock import Clock
from replicator.model.errors import ConfigError, PositionLostError
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


_NEEDED: Mapping[str, tuple[type, ...]] = {
    "source": (Source, Scans, Reads),
    "sink": (Sink, Inserts, Conditions, Reads, Scans),
}

ABILITIES_HINT = "Pair a source and a sink that hold records, such as dynamodb and cosmos."


def missing_abilities(side: str, end: object) -> list[str]:
    """What an end of this side, ``source`` or ``sink``, cannot do and a pipeline of records needs."""
    return [
        f"the {side} cannot do «{ability.__name__.lower()}»"
        for ability in _NEEDED[side]
        if not isinstance(end, ability)
    ]


def check_abilities(parts: Parts) -> tuple[RepairableSource, ScannableSink]:
    """The two ends, if they can do what a pipeline of records needs.

    Raises:
        ConfigError: names everything that is missing.
    """
    source, sink = parts.source, parts.sink
    missing = [*missing_abilities("source", source), *missing_abilities("sink", sink)]
    if missing:
        raise ConfigError([f"pipeline {parts.name}: {what}" for what in missing], hint=ABILITIES_HINT)
    return cast(RepairableSource, source), cast(ScannableSink, sink)


def require_same_sink(backfill: Backfill, identity: str) -> None:
    """Refuse to go on from a checkpoint that tells of another sink, even one at the same address.

    Raises:
        PositionLostError: what was copied and verified is not in this sink.
    """
    if backfill.sink != identity:
        raise PositionLostError(
            f"the sink is {identity or 'unnamed'}, but the checkpoint tells of {backfill.sink or 'none'}",
            hint="Name the sink that was filled, or fill this one: "
            "`replicator resume NAME --new-backfill`.",
        )
