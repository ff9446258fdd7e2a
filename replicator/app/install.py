"""Putting our entries into settings of the clouds, and taking them out; each change is recorded first."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from replicator.app.ends import Connectors, context_of, open_sink, open_source
from replicator.config.settings import PipelineSettings, Settings
from replicator.connector import Amendment, Installs, Sink, Source
from replicator.model.clock import SystemClock
from replicator.model.errors import ConfigError, StateError, TransientError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TRIES_MAX = 3
"""How often a setting is looked at anew that somebody else changes meanwhile."""

Side = Literal["source", "sink"]


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a setting, and for whom."""

    pipeline: str
    side: Side
    amendment: Amendment

    def difference(self) -> str:
        """The lines that go and the lines that come."""
        lines = unified_diff(
            _lines(self.amendment.before), _lines(self.amendment.after), "before", "after", lineterm=""
        )
        return "\n".join(lines)


class Record:
    """A file beside the state file with what every setting was before it was changed, one JSON a line."""

    def __init__(self, state: Path) -> None:
        self.path = state.with_name(f"{state.name}.settings.jsonl")

    def write(self, step: Step, phase: Literal["begun", "done"]) -> None:
        """Add a line, durable when this returns.

        Raises:
            StateError: it cannot be written; the setting must then stay as it is.
        """
        line = {
            "at": datetime.now(UTC).isoformat(),
            "phase": phase,
            "pipeline": step.pipeline,
            "side": step.side,
            "place": step.amendment.place,
            "before": step.amendment.before,
            "after": step.amendment.after,
        }
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StateError(
                f"what is there cannot be recorded in {self.path}: {error}",
                hint="make the directory of the state file writable; nothing is changed without a record",
            ) from error


async def look(
    settings: Settings, connectors: Connectors, pipelines: Sequence[str], *, installed: bool
) -> list[Step]:
    """What would have to change for these pipelines, or for all where none is named; nothing is changed.

    Raises:
        ConfigError: there is no pipeline of that name.
        ReplicatorError: as the ends raise.
    """
    steps = []
    for pipeline in _chosen(settings, pipelines):
        for side in ("source", "sink"):
            async with _end(pipeline, side, connectors) as end:
                if isinstance(end, Installs):
                    found = await end.amendments(installed=installed)
                    steps += [Step(pipeline.name, side, amendment) for amendment in found]
    return steps


async def change(
    settings: Settings, connectors: Connectors, pipelines: Sequence[str], *, installed: bool
) -> list[Step]:
    """Make every change, each recorded before and after, and return them.

    Raises:
        ConfigError: there is no pipeline of that name.
        StateError: what was there cannot be recorded.
        ReplicatorError: as the ends raise; what was changed before stays changed, and is in the record.
    """
    record, made = Record(settings.state.path), []
    for pipeline in _chosen(settings, pipelines):
        for side in ("source", "sink"):
            async with _end(pipeline, side, connectors) as end:
                if isinstance(end, Installs):
                    made += await _change_end(end, pipeline.name, side, record, installed=installed)
    return made


async def _change_end(
    end: Installs, pipeline: str, side: Side, record: Record, *, installed: bool
) -> list[Step]:
    made: list[Step] = []
    for attempt in range(TRIES_MAX):
        try:
            for amendment in await end.amendments(installed=installed):
                step = Step(pipeline, side, amendment)
                record.write(step, "begun")
                await end.amend(amendment)
                record.write(step, "done")
                made.append(step)
        except TransientError as error:
            if error.reason != "changed" or attempt + 1 == TRIES_MAX:
                raise
        else:
            break
    return made


def _chosen(settings: Settings, names: Sequence[str]) -> Iterator[PipelineSettings]:
    known = [pipeline.name for pipeline in settings.pipelines]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(
            [f"there is no pipeline {name}" for name in unknown], hint=f"there are {', '.join(known)}"
        )
    return (pipeline for pipeline in settings.pipelines if not names or pipeline.name in names)


@asynccontextmanager
async def _end(
    pipeline: PipelineSettings, side: Side, connectors: Connectors
) -> AsyncIterator[Source | Sink]:
    opening = open_source if side == "source" else open_sink
    end: Source | Sink = opening(pipeline, connectors, context_of(pipeline, SystemClock()))
    try:
        yield end
    finally:
        await end.close()


def _lines(document: Mapping[str, Any]) -> list[str]:
    return (
        json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False).splitlines() if document else []
    )
