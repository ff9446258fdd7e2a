"""What befalls the stage, by kind: each is chosen, dosed and timed by chance alone, and over after a while.

The rules for AWS name calls that only the service makes. Its writers are the yardstick: a send of unknown
outcome would leave even them in doubt of what has to arrive.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from localcloud.storage import Fault
from replicator.demo.invoices.ends import BUCKET, EVENT_QUEUE
from replicator.demo.orders.ends import TABLE
from replicator.demo.pairs import NOTICES
from replicator.demo.unrest import stir
from replicator.testing.soak.stage import BrokenStage

Strike = Callable[[BrokenStage, random.Random], Awaitable[None]]

STORM_SECONDS = (3.0, 10.0)
FREEZE_SECONDS = (1.0, 8.0)

AWS_CALLS = [
    ("dynamodbstreams", "GetRecords"),
    ("dynamodbstreams", "DescribeStream"),
    ("dynamodb", "GetItem"),
    ("dynamodb", "Scan"),
    ("s3", "GetObject"),
    ("s3", "HeadObject"),
    ("s3", "GetObjectTagging"),
    ("s3", "ListObjectsV2"),
    ("sqs", "ReceiveMessage"),
    ("sqs", "DeleteMessageBatch"),
    ("sqs", "ChangeMessageVisibilityBatch"),
    ("sqs", "GetQueueAttributes"),
]


async def kill_service(stage: BrokenStage, _chance: random.Random) -> None:
    """Kill -9 of the service, and a start."""
    await stage.kill_service()


async def stop_service(stage: BrokenStage, _chance: random.Random) -> None:
    """SIGTERM of the service, and a start."""
    await stage.restart_service()


async def freeze_service(stage: BrokenStage, chance: random.Random) -> None:
    """The service stands still, as a paused machine does."""
    await stage.freeze("service", seconds=chance.uniform(*FREEZE_SECONDS))


async def freeze_cloud(stage: BrokenStage, chance: random.Random) -> None:
    """A side takes calls and answers none: connections are half open."""
    await stage.freeze(chance.choice(_STANDINS), seconds=chance.uniform(*FREEZE_SECONDS))


async def restart_cloud(stage: BrokenStage, chance: random.Random) -> None:
    """A side goes away and comes back with what it had."""
    await stage.restart(chance.choice(_STANDINS))


async def kill_cloud(stage: BrokenStage, chance: random.Random) -> None:
    """A side that keeps what it acknowledged is killed, and comes back."""
    await stage.kill(chance.choice(["aws", "servicebus"]))


async def aws_storm(stage: BrokenStage, chance: random.Random) -> None:
    """Throttling, errors and resets of AWS, before and after their effect."""
    kinds = ["throttle", "error", "error_after", "reset_before", "reset_after"]
    for service, operation in AWS_CALLS:
        kind = chance.choice(kinds)
        rule = {"count": chance.randint(1, 8), "skip": chance.randint(0, 4)}
        await stage.clouds.aws.add_fault(kind, service=service, operation=operation, **rule, status=503)
    cut = {"count": 2, "bytes": chance.randint(0, 4_000)}
    await stage.clouds.aws.add_fault("cut_after", service="s3", operation="GetObject", **cut)
    await _for_a_while(chance)
    await stage.clouds.aws.clear_faults()


async def cosmos_storm(stage: BrokenStage, chance: random.Random) -> None:
    """429, 503 and resets of Cosmos DB, before and after their effect."""
    kinds: list[Mapping[str, Any]] = [
        {"status": 429, "retry_after_milliseconds": chance.randint(10, 500)},
        {"status": 503},
        {"status": 503, "when": "after"},
        {"kind": "reset"},
        {"kind": "reset", "when": "after"},
        {"status": 408, "when": "after"},
    ]
    await stage.cosmos_faults(*_in_turns(kinds, chance, chance.choice([None, "upsert", "batch"])))
    await _for_a_while(chance)
    await stage.cosmos_faults()


async def blob_storm(stage: BrokenStage, chance: random.Random) -> None:
    """429, 503 and resets of Blob Storage, before and after their effect."""
    if stage.storage is None:
        return
    kinds: list[Mapping[str, Any]] = [
        {"status": 503, "code": "ServerBusy", "retry_after_seconds": 1},
        {"status": 429, "code": "ServerBusy"},
        {"status": 500, "code": "InternalError", "when": "after"},
        {"kind": "reset"},
        {"kind": "reset", "when": "after"},
    ]
    for rule in _in_turns(kinds, chance):
        stage.storage.add_fault(Fault.model_validate(rule))
    await _for_a_while(chance)
    stage.storage.clear_faults()


async def bus_storm(stage: BrokenStage, chance: random.Random) -> None:
    """Server-busy, dropped and half-open connections of Service Bus, before and after their effect."""
    for kind in ("busy", "drop", "freeze"):
        for when in ("before", "after"):
            rule = {"count": chance.randint(1, 4), "skip": chance.randint(0, 20), "when": when}
            await stage.clouds.servicebus.add_fault(kind, operation="send", **rule)
    await stage.clouds.servicebus.add_fault("drop", operation="attach", count=2)
    await _for_a_while(chance)
    await stage.clouds.servicebus.clear_faults()


async def slow_answers(stage: BrokenStage, chance: random.Random) -> None:
    """Both sides answer late, some later than a call may take; the effect comes late, or at once."""
    seconds = chance.choice([0.3, 1.0, 4.0])
    for service, operation in AWS_CALLS:
        kind = chance.choice(["slow", "slow_after"])
        await stage.clouds.aws.add_fault(
            kind, service=service, operation=operation, count=4, seconds=min(seconds, 1.5)
        )
    late = [{"kind": "delay", "when": when, "delay_seconds": seconds} for when in ("before", "after")]
    await stage.cosmos_faults(*({**rule, "count": 10, "skip": 3} for rule in late))
    if stage.storage is not None:
        for rule in late:
            stage.storage.add_fault(Fault.model_validate({**rule, "count": 10, "skip": 3}))
    for when in ("before", "after"):
        rule = {"when": when, "delay_seconds": seconds, "count": 5}
        await stage.clouds.servicebus.add_fault("delay", operation="send", **rule)
    await _for_a_while(chance)
    await stage.clear()


async def unruly_events(stage: BrokenStage, chance: random.Random) -> None:
    """Events of S3 come late, twice, out of order, or never, which only a reconciling list finds."""
    lose = chance.choice([0.0, 0.0, 0.2])
    stage.events_lost |= lose > 0
    distortion = {"delay_seconds": 3.0, "repeat": 0.3, "reorder": 0.3, "lose": lose}
    await stage.clouds.aws.distort_events(BUCKET, seed=chance.getrandbits(32), **distortion)
    await stage.clouds.aws.disorder_queue(
        EVENT_QUEUE, seed=chance.getrandbits(32), shuffle=True, repeat=0.2, again_seconds=5.0
    )
    await _for_a_while(chance)
    await stir(stage.clouds.aws, stage.pairs)


async def unruly_queue(stage: BrokenStage, chance: random.Random) -> None:
    """A standard queue gives its messages in any order, late, and again after they were deleted."""
    disorder = {"shuffle": True, "repeat": 0.2, "again_seconds": 8.0, "late": 0.2, "late_seconds": 4}
    await stage.clouds.aws.disorder_queue(NOTICES.end, seed=chance.getrandbits(32), **disorder)
    await _for_a_while(chance)
    await stir(stage.clouds.aws, stage.pairs)


async def unruly_stream(stage: BrokenStage, chance: random.Random) -> None:
    """Shards of the table's stream split or close, iterators expire, pages come empty before records."""
    await chance.choice([stage.clouds.aws.split, stage.clouds.aws.close])(TABLE)
    await stage.clouds.aws.empty_pages(TABLE, chance.randint(1, 10))
    await stage.clouds.aws.expire_iterators()


_STANDINS = ["aws", "cosmos", "azurite", "servicebus"]

KINDS: Mapping[str, tuple[Strike, float]] = {
    "service killed": (kill_service, 1.0),
    "service stopped": (stop_service, 0.5),
    "service frozen": (freeze_service, 0.5),
    "cloud frozen": (freeze_cloud, 1.5),
    "cloud restarted": (restart_cloud, 1.0),
    "cloud killed": (kill_cloud, 1.0),
    "storm of AWS": (aws_storm, 2.0),
    "storm of Cosmos DB": (cosmos_storm, 1.0),
    "storm of Blob Storage": (blob_storm, 1.0),
    "storm of Service Bus": (bus_storm, 1.0),
    "slow answers": (slow_answers, 1.0),
    "unruly events": (unruly_events, 1.0),
    "unruly queue": (unruly_queue, 1.0),
    "unruly stream": (unruly_stream, 1.0),
}
"""Kind to what it does, and how often it comes beside the others."""

ENDS_A_LIFE = frozenset({"service killed", "service stopped"})
"""After these the service is another process."""


def draw(chance: random.Random, *, without: Iterable[str] = ()) -> str:
    """A kind, by weight."""
    kinds = [kind for kind in KINDS if kind not in set(without)]
    return chance.choices(kinds, [KINDS[kind][1] for kind in kinds])[0]


async def _for_a_while(chance: random.Random) -> None:
    await asyncio.sleep(chance.uniform(*STORM_SECONDS))


def _in_turns(
    kinds: Iterable[Mapping[str, Any]], chance: random.Random, operation: str | None = None
) -> list[dict[str, Any]]:
    """One rule after the other, a few calls each, with calls between that pass."""
    only = {} if operation is None else {"operation": operation}
    return [
        {**kind, **only, "skip": 3 * turn, "count": chance.randint(1, 4)} for turn, kind in enumerate(kinds)
    ]
