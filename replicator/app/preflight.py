"""Preflight: both ends of every pipeline are looked at before anything is copied. Nothing is changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from replicator.app.ends import Connectors, context_of, open_sink, open_source
from replicator.config.settings import PipelineSettings, Settings
from replicator.connector import (
    FETCH_KEYS_MAX,
    Compares,
    Describes,
    Downloads,
    Examines,
    Finding,
    Probes,
    Reads,
    Scans,
    Severity,
    Sink,
    Source,
)
from replicator.engine.parts import PAIRS_HINT, misfits
from replicator.model.change import Row
from replicator.model.clock import SystemClock
from replicator.model.errors import ConfigError, ReplicatorError, TransientError

LOOK_AGAIN_SECONDS = 1.0
PROBE_SECONDS_MAX = 30.0

SAMPLE_PIECES_MAX = 4
SAMPLE_ROWS_MAX = 1000
"""A sample is the first page of the first pieces of a scan, as far as these bounds allow."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A finding, and where it was made."""

    pipeline: str
    side: Literal["source", "sink"]
    finding: Finding

    @property
    def blocks(self) -> bool:
        """True where the pipeline cannot work."""
        return self.finding.severity is Severity.ERROR


class PreflightError(ConfigError):
    """Something was found that keeps a pipeline from working; nothing has been started."""

    code = "preflight"

    def __init__(self, sightings: Sequence[Sighting]) -> None:
        lines = [
            f"{seen.pipeline}, {seen.side}: {seen.finding.message}"
            + (f"\n  hint: {seen.finding.hint}" if seen.finding.hint else "")
            for seen in sightings
        ]
        super().__init__(lines, hint="`replicator validate` looks again without starting.")
        self.sightings = tuple(sightings)


async def preflight(settings: Settings, connectors: Connectors, *, sampled: bool = False) -> list[Sighting]:
    """What the probes of all ends find, in the order of the configuration.

    With ``sampled`` a few records of each source are read, too, and shown to its sink.
    """
    looks = [
        look
        for pipeline in settings.pipelines
        for look in (
            _look_at_both(pipeline, connectors),
            _look(pipeline, "source", connectors),
            _look(pipeline, "sink", connectors),
            _look_at_difference(pipeline, connectors),
            *([_look_at_sample(pipeline, connectors)] if sampled else []),
        )
    ]
    return [sighting for found in await asyncio.gather(*looks) for sighting in found]


async def require_sound(settings: Settings, connectors: Connectors, wait_seconds: float) -> list[Sighting]:
    """What is worth knowing, once nothing blocks; what may pass by itself is waited for.

    Raises:
        PreflightError: something blocks that does not pass, or has not passed in time.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + wait_seconds
    while True:
        found = await preflight(settings, connectors)
        blocking = [sighting for sighting in found if sighting.blocks]
        if not blocking:
            return found
        if not _may_pass(blocking) or clock() + LOOK_AGAIN_SECONDS > deadline:
            raise PreflightError(blocking)
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _may_pass(sightings: Iterable[Sighting]) -> bool:
    return all(sighting.finding.passing for sighting in sightings)


@asynccontextmanager
async def _both(pipeline: PipelineSettings, connectors: Connectors) -> AsyncIterator[tuple[Source, Sink]]:
    """The two ends, which are closed in the end."""
    context = context_of(pipeline, SystemClock())
    async with AsyncExitStack() as ends:
        source = open_source(pipeline, connectors, context)
        ends.push_async_callback(source.close)
        sink = open_sink(pipeline, connectors, context)
        ends.push_async_callback(sink.close)
        yield source, sink


async def _look_at_both(pipeline: PipelineSettings, connectors: Connectors) -> list[Sighting]:
    """Whether the two ends make a pipeline at all; opening them makes no call."""
    try:
        async with _both(pipeline, connectors) as (source, sink):
            found = misfits(source, sink, pipeline.mode)
    except ReplicatorError:  # what it is, the look at that side tells
        return []
    return [Sighting(pipeline.name, "sink", Finding(Severity.ERROR, what, PAIRS_HINT)) for what in found]


async def _look(
    pipeline: PipelineSettings, side: Literal["source", "sink"], connectors: Connectors
) -> list[Sighting]:
    return [Sighting(pipeline.name, side, finding) for finding in await _probe(pipeline, side, connectors)]


async def _probe(pipeline: PipelineSettings, side: str, connectors: Connectors) -> Sequence[Finding]:
    """The findings of one end; an error that a probe let through is one, too."""
    context = context_of(pipeline, SystemClock())
    end: Source | Sink
    try:
        opening = open_source if side == "source" else open_sink
        end = opening(pipeline, connectors, context)
        try:
            async with asyncio.timeout(PROBE_SECONDS_MAX):
                return await end.probe() if isinstance(end, Probes) else ()
        finally:
            await end.close()
    except ReplicatorError as error:
        passing = isinstance(error, TransientError)
        return [Finding(Severity.ERROR, error.message, error.hint, passing=passing)]
    except TimeoutError:
        said = f"the {side} has not answered within {PROBE_SECONDS_MAX:g} s"
        return [Finding(Severity.ERROR, said, "Is it reachable from here?", passing=True)]


async def _look_at_difference(pipeline: PipelineSettings, connectors: Connectors) -> list[Sighting]:
    """What the sink says of the source's queue; what keeps from reading either, the probes tell."""
    try:
        async with _both(pipeline, connectors) as (source, sink):
            if not isinstance(source, Describes) or not isinstance(sink, Compares):
                return []
            async with asyncio.timeout(PROBE_SECONDS_MAX):
                found = await sink.compare(await source.describe())
    except (ReplicatorError, TimeoutError):
        return []
    return [Sighting(pipeline.name, "sink", finding) for finding in found]


async def _look_at_sample(pipeline: PipelineSettings, connectors: Connectors) -> list[Sighting]:
    """What the sink says of some of the source's records; what keeps from reading them, the probes tell."""
    try:
        async with _both(pipeline, connectors) as (source, sink):
            if not isinstance(source, Scans) or not isinstance(sink, Examines):
                return []
            found = sink.examine(await _sample(source))
    except ReplicatorError:
        return []
    return [Sighting(pipeline.name, "sink", finding) for finding in found]


async def _sample(source: Scans) -> list[Row]:
    """What could be read within the bounds; a source that is slow, or holds itself back, gives fewer."""
    rows: list[Row] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(PROBE_SECONDS_MAX):
            for piece in (await source.pieces())[:SAMPLE_PIECES_MAX]:
                rows += (await source.scan(piece, None)).rows
                if len(rows) >= SAMPLE_ROWS_MAX:
                    break
    return await _made_whole(source, rows[:SAMPLE_ROWS_MAX])


async def _made_whole(source: Scans, rows: list[Row]) -> list[Row]:
    """A scan of objects tells names and sizes alone: of the first ones, the rest is looked up."""
    if not isinstance(source, Downloads) or not isinstance(source, Reads):
        return rows
    with suppress(TimeoutError, ReplicatorError):
        async with asyncio.timeout(PROBE_SECONDS_MAX):
            whole = await source.fetch([row.key for row in rows[:FETCH_KEYS_MAX]])
            return [whole.get(row.key, row) for row in rows]
    return rows
