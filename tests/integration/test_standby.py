"""Two processes of the service over one state file: one works, the other stands by and takes over."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from contextlib import asynccontextmanager

import httpx
import pytest

from replicator.demo.service import Service
from replicator.demo.workload import Amount
from replicator.testing.soak.stage import broken_stage, until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="freezes and kills processes by signal"),
    pytest.mark.timeout(300),
]

AMOUNTS = {"orders": Amount(300, 30.0), "steps": Amount(40, 10.0)}
LEASE_SECONDS, CALL_SECONDS = 6.0, 2.0
LIMITS = {"lease_seconds": LEASE_SECONDS, "sink_call_seconds_max": CALL_SECONDS, "retry_seconds_max": 1.0}


@asynccontextmanager
async def second_of(broken, directory):
    """Another process with the configuration of the first, but for its port."""
    directory.mkdir()
    second = await asyncio.to_thread(Service, directory, broken.environment, broken.pairs)
    own, first = json.loads(second.config.read_text()), json.loads(broken.service.config.read_text())
    second.config.write_text(json.dumps(first | {"api": own["api"]}))
    await second.start()
    try:
        yield second
    finally:
        await second.stop()


async def states(service):
    """What every pipeline is doing in a process."""
    status = await service.status()
    return {each["state"] for each in status["pipelines"]} if status else set()


async def await_state(service, state):
    """Return once all pipelines of a process are in this state; and after how many seconds."""
    began = time.monotonic()

    async def reached():
        return await states(service) == {state}

    await until(reached, f"all of {service.url} is {state}")
    return time.monotonic() - began


async def metric(service, name):
    """The values of a metric."""
    async with httpx.AsyncClient(base_url=service.url, trust_env=False) as client:
        text = (await client.get("/metrics")).text
    return [float(value) for value in re.findall(rf"^{name}\{{.*\}} (\S+)$", text, re.MULTILINE)]


async def test_a_standby_takes_over_and_nothing_is_lost(tmp_path):
    """After kill -9, a freeze beyond the lease, and SIGTERM, each time in the middle of the delta."""
    async with broken_stage(
        tmp_path, AMOUNTS, seed=5, limits=LIMITS, verify={"automatic": False}
    ) as broken:
        first = broken.service
        await broken.complete()
        async with second_of(broken, tmp_path / "second") as second:
            await await_state(second, "standby")
            await told_of_standby(first, second)

            await broken.written(20)
            await first.kill()
            assert await await_state(second, "running") < LEASE_SECONDS  # its end shows at once
            await first.start()
            await await_state(first, "standby")

            await broken.written(20)
            os.kill(second.pid, signal.SIGSTOP)
            try:
                assert await await_state(first, "running") > LEASE_SECONDS / 3
                await broken.written(20)
            finally:
                os.kill(second.pid, signal.SIGCONT)
            await await_state(second, "standby")

            await broken.written(20)
            await first._server.stop()
            assert await await_state(second, "running") < LEASE_SECONDS / 2
            await first.start()
            await await_state(first, "standby")
            await broken.written(20)
            broken.service = second
            try:
                assert await broken.differences() == []
            finally:
                broken.service = first


async def told_of_standby(holder, standby):
    """The standby is well, its gate closed, its commands refused, its metrics without old figures."""
    status = await standby.status()
    assert all(each["healthy"] and "standing by for" in each["notices"][0] for each in status["pipelines"])
    assert {reason["code"] for reason in status["gate"]["reasons"]} == {"standby"}
    assert await metric(standby, "replicator_lease_held") == [0, 0]
    assert await metric(holder, "replicator_lease_held") == [1, 1]
    assert await metric(standby, "replicator_lag_known") == []
    async with httpx.AsyncClient(base_url=standby.url, trust_env=False) as client:
        headers = {"Authorization": f"Bearer {standby.token}"}
        refused = await client.post("/v1/pipelines/orders/pause", headers=headers)
        assert (await client.get("/readyz")).status_code == 200
    assert refused.status_code == 409
    assert "Give the command to the process that holds it" in refused.json()["hint"]
