"""The service as a process, beside writers with ledgers of their own, while everything around it breaks.

Items, objects and messages go at once, so each fault meets all of them. Longer ones are `make soak`'s.
"""

import asyncio
import random
import sys

import pytest

from localcloud.node import azurite_command
from replicator.demo.workload import Amount
from replicator.testing.soak.faults import (
    aws_storm,
    blob_storm,
    bus_storm,
    cosmos_storm,
    slow_answers,
    unruly_events,
    unruly_queue,
    unruly_stream,
)
from replicator.testing.soak.stage import broken_stage


def has_azurite():
    """Whether objects can take part."""
    try:
        return bool(azurite_command())
    except FileNotFoundError:
        return False


pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="freezes and kills processes by signal"),
    pytest.mark.timeout(300),
]

FROZEN_SECONDS = 4.0
"""Longer than a sink call may take, so that calls of unknown outcome come about."""

AMOUNTS = {
    "orders": Amount(300, 30.0),
    "invoices": Amount(40, 6.0),
    "notices": Amount(60, 10.0),
    "steps": Amount(40, 10.0),
}
if not has_azurite():
    del AMOUNTS["invoices"]
SETTINGS = {"limits": {"retry_seconds_max": 2.0, "list_seconds": 10.0}, "verify": {"automatic": False}}


def stage(directory, seed):
    """All pipelines, filled, with the service started."""
    return broken_stage(directory, AMOUNTS, seed=seed, **SETTINGS)


async def test_kills_and_stops_lose_nothing(tmp_path):
    """Killed in the backfill and in the delta, and stopped in between, it ends with what was written."""
    moments = random.Random(1)
    async with stage(tmp_path, seed=1) as broken:
        await broken.copied(moments.randrange(20, 250))
        await broken.kill_service()
        await broken.complete()
        await broken.written(moments.randrange(20, 80))
        await broken.restart_service()
        await broken.written(moments.randrange(20, 80))
        await broken.kill_service()
        await broken.written(20)
        assert await broken.differences() == []


async def test_storms_and_slow_answers_lose_nothing(tmp_path):
    """Refusals, broken connections and late answers, before and after their effect, on all sides."""
    chance = random.Random(2)
    storms = [aws_storm, cosmos_storm, bus_storm]
    storms += [blob_storm] if "invoices" in AMOUNTS else []
    async with stage(tmp_path, seed=2) as broken:
        await asyncio.gather(*(storm(broken, chance) for storm in storms))
        await broken.complete()
        unruly = [unruly_stream, unruly_queue]
        unruly += [unruly_events] if "invoices" in AMOUNTS else []
        await asyncio.gather(slow_answers(broken, chance), *(each(broken, chance) for each in unruly))
        assert await broken.differences() == []


async def test_clouds_that_freeze_or_go_away_lose_nothing(tmp_path):
    """All sides, and the service, stand still longer than a call may take; each side goes and comes back.

    Restarted with what it had, and killed where it keeps what it acknowledged.
    """
    objects = ["azurite"] if "invoices" in AMOUNTS else []
    async with stage(tmp_path, seed=3) as broken:
        await broken.freeze("aws", "cosmos", "servicebus", *objects, seconds=FROZEN_SECONDS)
        await broken.kill("servicebus")
        await broken.complete()
        await broken.freeze("cosmos", "servicebus", *objects, seconds=FROZEN_SECONDS)
        for name in ("cosmos", *objects, "aws"):
            await broken.restart(name)
        await broken.written(20)
        await broken.kill("aws")
        await broken.freeze("service", seconds=FROZEN_SECONDS)
        await broken.written(20)
        assert await broken.differences() == []
