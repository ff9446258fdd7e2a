"""What a pipeline is made of, which shape of state its ends hold, and whether they can do what it needs."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal, Protocol, cast

from replicator.config.limits import Limits
from replicator.connector import (
    Checks,
    Conditions,
    Downloads,
    Inserts,
    Reads,
    Removes,
    Scans,
    Sink,
    Source,
    Uploads,
    Writes,
)
from replicator.engine.lease import Leaseholder
from replicator.engine.leased import under_lease
from replicator.engine.restore import RepairableSink
from replicator.model.checkpoint import Backfill
from replicator.model.clock import Clock
from replicator.model.errors import ConfigError, SinkChangedError
from replicator.stores import Store

QueueMode = Literal["hold", "bridge"]


@dataclass(frozen=True)
class Parts:
    """What a pipeline is made of; the simulator brings its own of each.

    ``call_timed`` is told of every sink call: the operation's name, and its duration in seconds.
    ``mode`` is that of a queue, and None for everything else. ``lease`` is that of the incarnation that is
    made of these parts, which ``leased`` gives them.
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
    mode: QueueMode | None = None
    lease: Leaseholder | None = None


def leased(parts: Parts) -> Parts:
    """The parts of one incarnation: whatever it writes, at an end or in the store, is under its lease."""
    lease = Leaseholder(parts.store, parts.name, parts.limits, parts.clock)
    return replace(
        parts,
        source=under_lease(parts.source, lease.require),
        sink=under_lease(parts.sink, lease.require),
        store=lease.notes,
        lease=lease,
    )


class Shape(Enum):
    """What is carried."""

    ITEMS = "items"
    OBJECTS = "objects"
    MESSAGES = "messages"


class RepairableSource(Source, Scans, Reads, Protocol):
    """A source of records that can be scanned, and read by key."""


class ScannableSink(RepairableSink, Scans, Protocol):
    """A sink of records that can be compared as a whole."""


class ObjectSource(Source, Scans, Reads, Downloads, Protocol):
    """A source of objects."""


class ObjectSink(Sink, Uploads, Removes, Reads, Scans, Checks, Protocol):
    """A sink of objects."""


_NEEDED: Mapping[tuple[Shape, str], tuple[type, ...]] = {
    (Shape.ITEMS, "source"): (Source, Scans, Reads),
    (Shape.ITEMS, "sink"): (Writes, Inserts, Conditions, Reads, Scans),
    (Shape.OBJECTS, "source"): (Source, Scans, Reads, Downloads),
    (Shape.OBJECTS, "sink"): (Sink, Uploads, Removes, Reads, Scans, Checks),
    (Shape.MESSAGES, "source"): (Source,),
    (Shape.MESSAGES, "sink"): (Writes,),
}

PAIRS_HINT = "Pair dynamodb with cosmos, s3 with blob, or sqs with servicebus."


def shape_of_source(source: object) -> Shape:
    """What a source holds, by what it can do; one that cannot be scanned gives its state away."""
    if isinstance(source, Downloads):
        return Shape.OBJECTS
    return Shape.ITEMS if isinstance(source, Scans) else Shape.MESSAGES


def shape_of_sink(sink: object) -> Shape:
    """What a sink holds, by what it can do; one that can only be written to keeps messages."""
    if isinstance(sink, Uploads):
        return Shape.OBJECTS
    return Shape.ITEMS if isinstance(sink, Scans | Reads) else Shape.MESSAGES


def misfits(source: object, sink: object, mode: QueueMode | None = None) -> list[str]:
    """Why these two ends cannot make a pipeline; nothing where they can."""
    shape, other = shape_of_source(source), shape_of_sink(sink)
    if shape is not other:
        return [f"the source holds {shape.value}, and the sink takes {other.value}"]
    found = [
        f"the {side} cannot do «{ability.__name__.lower()}»"
        for side, end in (("source", source), ("sink", sink))
        for ability in _NEEDED[shape, side]
        if not isinstance(end, ability)
    ]
    if mode is not None and shape is not Shape.MESSAGES:
        found.append(f"mode {mode} is for queues, and the source holds {shape.value}")
    return found


def require_fit(parts: Parts) -> Shape:
    """The shape of state that the two ends carry.

    Raises:
        ConfigError: names everything that keeps them from making a pipeline.
    """
    found = misfits(parts.source, parts.sink, parts.mode)
    if found:
        raise ConfigError([f"pipeline {parts.name}: {what}" for what in found], hint=PAIRS_HINT)
    return shape_of_source(parts.source)


def item_ends(parts: Parts) -> tuple[RepairableSource, ScannableSink]:
    """The two ends of a pipeline of items, which ``require_fit`` has found fit."""
    return cast(RepairableSource, parts.source), cast(ScannableSink, parts.sink)


def object_ends(parts: Parts) -> tuple[ObjectSource, ObjectSink]:
    """The two ends of a pipeline of objects."""
    return cast(ObjectSource, parts.source), cast(ObjectSink, parts.sink)


def message_sink(parts: Parts) -> Writes:
    """The sink of a pipeline of messages."""
    return cast(Writes, parts.sink)


def require_same_sink(backfill: Backfill, identity: str) -> None:
    """Refuse to go on from a checkpoint that tells of another sink, even one at the same address.

    Raises:
        SinkChangedError: what was copied and verified is not in this sink.
    """
    if backfill.sink != identity:
        raise SinkChangedError(
            f"the sink is {identity or 'unnamed'}, but the checkpoint tells of {backfill.sink or 'none'}",
            hint="Name the sink that was filled, or fill this one: "
            "`replicator resume NAME --new-backfill`.",
        )
