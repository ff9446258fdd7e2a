"""The service as a process, measured from outside: by its status, and by what the kernel says of it."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench.figures import Run
from bench.stage import Stage
from localcloud.ports import Port
from localcloud.probes import answers_http
from localcloud.processes import Server

PIPELINE = "bench"
_LOOK_SECONDS = 0.1
_COMMANDS_BY = "REPLICATOR_BENCH_COMMANDS"


class Service:
    """One run of `replicator run`."""

    def __init__(self, server: Server, http: httpx.AsyncClient) -> None:
        self._server, self._http = server, http
        self._process = psutil.Process(server.pid)

    @property
    def cpu_seconds(self) -> float:
        """User and system time of the process so far."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    @property
    def memory_peak_bytes(self) -> int:
        """The most resident memory that the process ever had."""
        status = Path(f"/proc/{self._server.pid}/status").read_text()
        (peak,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
        return int(peak) * 1024

    async def entered(self, phase: str) -> None:
        """Wait until the backfill is in a phase."""
        while True:
            backfill = (await self._pipeline())["backfill"]
            if backfill is not None and backfill["phase"] == phase:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def written(self, operation: str, items: int) -> Run:
        """Wait until an operation has written so many items.

        It is measured from the first ones that are seen written, so that starting up does not count.
        """
        first: tuple[int, float, float] | None = None
        while True:
            written = int((await self._pipeline())["changes_written"].get(operation, 0))
            now = written, time.monotonic(), self.cpu_seconds
            if written and first is None:
                first = now
            if first is not None and written >= items:
                count, seconds, cpu = (now[place] - first[place] for place in range(3))
                return Run(int(count), seconds, cpu, self.memory_peak_bytes)
            await asyncio.sleep(_LOOK_SECONDS)

    async def running(self) -> None:
        """Wait until the pipeline runs and its source has been read."""
        while True:
            if (await self._pipeline())["freshness_known"]:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def barrier(self, keys: Sequence[str]) -> None:
        """Return once everything written before, or what was written of these keys, is at the sink."""
        answer = await self._http.post(f"/v1/pipelines/{PIPELINE}/barrier", json={"keys": list(keys)})
        answer.raise_for_status()

    async def copied(self, operation: str, writes: int, items: int) -> Run:
        """Wait until an operation has written so often, and count it as so many items.

        It is measured from the moment when the backfill is known or something has been read: large objects
        come few at a time, and much is in hand before the first messages are seen written.
        """
        began: tuple[float, float] | None = None
        while True:
            pipeline = await self._pipeline()
            now = time.monotonic(), self.cpu_seconds
            if began is None and (pipeline["backfill"] is not None or pipeline["changes_read"]):
                began = now
            if began is not None and int(pipeline["changes_written"].get(operation, 0)) >= writes:
                return Run(items, now[0] - began[0], now[1] - began[1], self.memory_peak_bytes)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _pipeline(self) -> dict[str, Any]:
        document = (await self._http.get("/v1/status")).json()
        return dict(document["pipelines"][0])


@asynccontextmanager
async def serving(stage: Stage, state: str, pipeline: Mapping[str, Any]) -> AsyncIterator[Service]:
    """Run the service with the state file of this name; it is stopped cleanly in the end."""
    with Port() as port:
        folder = stage.directory / state
        folder.mkdir(exist_ok=True)
        config, log = folder / "config.json", folder / "log"
        config.write_text(json.dumps(_settings(folder, port.number, pipeline)))
        log.unlink(missing_ok=True)
        url = f"http://127.0.0.1:{port.number}"
        command = [sys.executable, "-m", "replicator.cli", "run", str(config)]
        token = secrets.token_urlsafe()
        environment = {**stage.environment, _COMMANDS_BY: token}
        server = Server("replicator", command, answers_http(f"{url}/healthz"), log, environment)
        await server.start()
        try:
            headers = {"Authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(
                base_url=url, headers=headers, trust_env=False, timeout=60
            ) as http:
                yield Service(server, http)
        finally:
            await server.stop()


def _settings(folder: Path, port: int, pipeline: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "state": {"path": str(folder / "state.db")},
        "api": {"port": port, "token_env": _COMMANDS_BY},
        "verify": {"automatic": False},
        "pipelines": [{"name": PIPELINE, **pipeline}],
    }
