"""What a running service takes, looked at from outside every few seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from replicator.testing.soak.stage import BrokenStage

SAMPLE_SECONDS = 2.0
_ANSWER_SECONDS_MAX = 2.0
_DIRTY_PIPELINE = "invoices"

Scraped = dict[tuple[str, str], float]


@dataclass(frozen=True)
class Sample:
    """The service at one moment; None where it could not be told.

    Attributes:
        at: seconds since the run began.
        life: how many processes the service has been before this one.
        memory_bytes: resident.
        descriptors: open ones, connections included.
        threads: of the process.
        tasks: of its event loop.
        state_bytes: of the state file with its log.
        lag_seconds: of the pipeline that is furthest behind.
        dirty_rows: of the pipeline of objects: keys that wait to be copied.
        writes: how often the writers have written since the start, all together.
    """

    at: float
    life: int
    memory_bytes: float
    descriptors: float
    threads: float
    tasks: float | None
    state_bytes: float
    lag_seconds: float | None
    dirty_rows: float | None
    writes: int


class Sampler:
    """Samples a stage until it is cancelled.

    Attributes:
        samples: the oldest first.
    """

    def __init__(self, stage: BrokenStage) -> None:
        self.samples: list[Sample] = []
        self._stage = stage
        self._began = time.monotonic()
        self._pid: int | None = None
        self._life = -1

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._began

    async def follow(self) -> None:
        """Take a sample every few seconds while there is a service."""
        async with httpx.AsyncClient(timeout=_ANSWER_SECONDS_MAX, trust_env=False) as http:
            while True:
                sample = await self._sample(http)
                if sample is not None:
                    self.samples.append(sample)
                await asyncio.sleep(SAMPLE_SECONDS)

    async def _sample(self, http: httpx.AsyncClient) -> Sample | None:
        pid = self._stage.service.pid
        if pid is None:
            return None
        scraped = await _scrape(http, f"{self._stage.service.url}/metrics")
        try:
            process = psutil.Process(pid)
            memory, descriptors, threads = (
                process.memory_info().rss,
                process.num_fds(),
                process.num_threads(),
            )
        except psutil.Error:
            return None
        if pid != self._pid:
            self._pid, self._life = pid, self._life + 1
        return Sample(
            at=round(self.seconds, 1),
            life=self._life,
            memory_bytes=memory,
            descriptors=descriptors,
            threads=threads,
            tasks=scraped.get(("replicator_tasks", "")),
            state_bytes=_size(self._stage.directory / "replicator.db"),
            lag_seconds=_worst(scraped, "replicator_lag_seconds"),
            dirty_rows=scraped.get(("replicator_backlog_changes", _DIRTY_PIPELINE)),
            writes=self._stage.writes,
        )


async def _scrape(http: httpx.AsyncClient, url: str) -> Scraped:
    """Metric and pipeline to value; empty where the service does not answer."""
    try:
        answer = await http.get(url)
    except httpx.HTTPError:
        return {}
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, sample.labels.get("pipeline", "")): sample.value
        for family in families
        for sample in family.samples
    }


def _worst(scraped: Scraped, name: str) -> float | None:
    return max((value for (metric, _), value in scraped.items() if metric == name), default=None)


def _size(path: Path) -> int:
    parts: Sequence[Path] = [path.with_name(path.name + suffix) for suffix in ("", "-wal")]
    return sum(part.stat().st_size for part in parts if part.exists())
