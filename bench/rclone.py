"""``rclone copy`` of the same objects between the same clouds, with as many transfers at a time."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sys
import time
from pathlib import Path

from bench.bare_objects import CALLS
from bench.figures import Run
from bench.stage import Stage


def find_rclone() -> str | None:
    """The program, of this environment or of the machine; None where there is none."""
    beside = Path(sys.executable).with_name("rclone")
    return str(beside) if beside.exists() else shutil.which("rclone")


async def run_rclone(stage: Stage, program: str, bucket: str, container: str, items: int) -> Run:
    """Copy everything, and count the processor time of the process."""
    began, cpu = time.perf_counter(), _cpu_seconds_of_ended()
    process = await asyncio.create_subprocess_exec(
        program,
        *("copy", f"aws:{bucket}", f"azure:{container}", "--config", os.devnull, "--quiet"),
        *("--transfers", str(CALLS), "--checkers", str(CALLS), "--azureblob-no-check-container"),
        env={**os.environ, **_remotes(stage)},
    )
    if await process.wait():
        raise RuntimeError(f"rclone failed with status {process.returncode}")
    return Run(items, time.perf_counter() - began, _cpu_seconds_of_ended() - cpu)


def _cpu_seconds_of_ended() -> float:
    """Of all processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _remotes(stage: Stage) -> dict[str, str]:
    aws = {
        "TYPE": "s3",
        "PROVIDER": "Other",
        "ENDPOINT": stage.environment["AWS_ENDPOINT_URL"],
        "REGION": stage.environment["AWS_REGION"],
        "ACCESS_KEY_ID": stage.environment["AWS_ACCESS_KEY_ID"],
        "SECRET_ACCESS_KEY": stage.environment["AWS_SECRET_ACCESS_KEY"],
        "FORCE_PATH_STYLE": "true",
    }
    azure = {
        "TYPE": "azureblob",
        "CONNECTION_STRING": stage.environment["AZURE_STORAGE_CONNECTION_STRING"],
    }
    return {
        f"RCLONE_CONFIG_{remote}_{name}": value
        for remote, settings in (("AWS", aws), ("AZURE", azure))
        for name, value in settings.items()
    }
