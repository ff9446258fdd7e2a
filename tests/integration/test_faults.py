"""The service as a process, beside a writer with its own ledger, while everything around it breaks."""

import random
import sys

import pytest
from theatre import theatre

from replicator.demo.workload import Amount

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="freezes and kills processes by signal")

FROZEN_SECONDS = 4.0
"""Longer than a sink call may take, so that calls of unknown outcome come about."""


OTHERS = {"invoices": Amount(120, 10.0), "notices": Amount(200, 15.0), "steps": Amount(150, 15.0)}
"""What moves beside the orders, where a whole application moves."""


def storm():
    """Rules by which two of five writes fail, in every way, for as long as they last."""
    kinds = [
        {"status": 429, "retry_after_milliseconds": 30},
        {"status": 503},
        {"kind": "reset"},
        {"status": 503, "when": "after"},
        {"kind": "reset", "when": "after"},
    ]
    operations = ("batch", "create", "upsert")
    rules = [{"operation": operation, **kind} for operation in operations for kind in kinds]
    return [rule | {"skip": 5 * number, "count": 2} for number, rule in enumerate(rules)]


@pytest.mark.parametrize("seed", [1, 2])
async def test_kill_in_backfill_and_delta_loses_nothing(tmp_path, seed):
    """Killed at random moments, and started again, the service ends with exactly what was written."""
    moments = random.Random(seed)
    async with theatre(tmp_path, seed=seed) as stage:
        await stage.copied(moments.randrange(50, 700))
        await stage.kill()
        await stage.complete()
        await stage.written(moments.randrange(5, 80))
        await stage.kill()
        await stage.written(20)
        assert await stage.differences() == []


@pytest.mark.slow
async def test_kill_loses_nothing_of_a_whole_application(tmp_path):
    """Killed at random moments, with events late, repeated and out of order, all pairs end equal."""
    moments = random.Random(7)
    async with theatre(tmp_path, items=500, seed=7, others=OTHERS) as stage:
        await stage.copied(moments.randrange(50, 300))
        await stage.kill()
        await stage.written(moments.randrange(20, 100))
        await stage.kill()
        await stage.complete()
        await stage.written(moments.randrange(20, 100))
        await stage.kill()
        await stage.written(20)
        assert await stage.differences() == []


async def test_stop_and_start_loses_nothing(tmp_path):
    """After a clean stop in the backfill, and another one in the delta, it goes on where it was."""
    async with theatre(tmp_path, seed=3) as stage:
        for _ in range(2):
            await stage.copied(300)
            await stage.service.restart()
            await stage.complete()
            await stage.written(20)
        assert await stage.differences() == []


async def test_storms_of_refusals_and_resets_lose_nothing(tmp_path):
    """429, 503 and broken connections, before and after their effect, on both sides at once."""
    async with theatre(tmp_path, seed=4) as stage:
        await stage.copied(100)
        await stage.cosmos_faults(*storm())
        for kind in ("throttle", "error", "reset_before", "reset_after"):
            await stage.clouds.aws.add_fault(kind, service="dynamodbstreams", skip=10, count=3)
            await stage.clouds.aws.add_fault(kind, service="dynamodb", operation="Scan", count=1)
        await stage.complete()
        await stage.written(60)
        await stage.cosmos_faults()
        await stage.clouds.aws.clear_faults()
        assert await stage.differences() == []


async def test_frozen_clouds_lose_nothing(tmp_path):
    """A side that takes calls and answers none, longer than a call may take, and then wakes up."""
    async with theatre(tmp_path, seed=5) as stage:
        await stage.copied(200)
        await stage.freeze("cosmos", FROZEN_SECONDS)
        await stage.complete()
        await stage.written(30)
        await stage.freeze("aws", FROZEN_SECONDS)
        await stage.written(10)
        await stage.freeze("cosmos", FROZEN_SECONDS)
        assert await stage.differences() == []


async def test_restart_of_the_source_loses_nothing(tmp_path):
    """The AWS side goes away in the delta and comes back with what it had."""
    async with theatre(tmp_path, seed=6, persist=True) as stage:
        await stage.complete()
        await stage.written(20)
        await stage.clouds.restart("aws")
        await stage.written(20)
        assert await stage.differences() == []
