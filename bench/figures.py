"""What is measured, and what is made of it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.stage import Stage


@dataclass(frozen=True)
class Run:
    """One run over so many items; of the service also the most memory that it ever had."""

    items: int
    seconds: float
    cpu_seconds: float
    memory_peak_bytes: int = 0

    @property
    def items_per_second(self) -> float:
        """By the clock on the wall."""
        return self.items / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        """CPU time of the process, an item."""
        return self.cpu_seconds / self.items * 1e6


@dataclass(frozen=True)
class Ratio:
    """The service against the bare loop: medians of runs that took turns."""

    name: str
    bare: Sequence[Run]
    service: Sequence[Run]

    @property
    def of_rates(self) -> float:
        """What share of the bare loop's rate the service reaches."""
        return _rate(self.service) / _rate(self.bare)

    @property
    def of_cpu(self) -> float:
        """What share of its rate the service would reach if CPU time were all that counts."""
        return _cpu(self.bare) / _cpu(self.service)

    @property
    def rate(self) -> float:
        """Items per second of the service."""
        return _rate(self.service)

    @property
    def memory_peak_bytes(self) -> int:
        """The most that any run of the service had resident."""
        return max(run.memory_peak_bytes for run in self.service)

    def row(self) -> list[str]:
        """The line of the table."""
        return [
            self.name,
            f"{_rate(self.bare):,.0f}",
            f"{_rate(self.service):,.0f}",
            f"{self.of_rates:.0%}",
            f"{_cpu(self.bare):,.0f}",
            f"{_cpu(self.service):,.0f}",
            f"{self.of_cpu:.0%}",
            f"{self.memory_peak_bytes / 2**20:.0f}",
        ]

    def document(self) -> dict[str, object]:
        """The same for a file."""
        return {
            "name": self.name,
            "bare_items_per_second": _rate(self.bare),
            "service_items_per_second": _rate(self.service),
            "ratio": self.of_rates,
            "bare_cpu_microseconds": _cpu(self.bare),
            "service_cpu_microseconds": _cpu(self.service),
            "cpu_ratio": self.of_cpu,
            "service_memory_peak_bytes": self.memory_peak_bytes,
            "runs": len(self.service),
        }


def _rate(runs: Sequence[Run]) -> float:
    return median(run.items_per_second for run in runs)


def _cpu(runs: Sequence[Run]) -> float:
    return median(run.cpu_microseconds for run in runs)


async def run_bare(stage: Stage, what: str, table: str, container: str, items: int) -> Run:
    """Run the bare loop in a process of its own."""
    run = await run_program(stage, "bench.bare", what, table, container, str(items))
    if run.items < items:
        raise RuntimeError(f"the bare loop wrote {run.items} of {items} items")
    return run


async def run_program(stage: Stage, module: str, *arguments: str) -> Run:
    """Run a module that prints its figures, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", module, *arguments),
        env={**os.environ, **stage.environment},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{module} failed with status {process.returncode}")
    return Run(**json.loads(output))
