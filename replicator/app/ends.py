"""Opening the two ends of a pipeline through the connectors that its settings name."""

from __future__ import annotations

from collections.abc import Mapping

from replicator.config.settings import PipelineSettings
from replicator.connector import Connector, Context, Sink, Source
from replicator.model.clock import Clock
from replicator.model.errors import InvariantError

Connectors = Mapping[str, Connector]


def context_of(pipeline: PipelineSettings, clock: Clock) -> Context:
    """What the connectors are told about the pipeline."""
    return Context(pipeline.name, pipeline.limits.sink_call_seconds_max, clock)


def open_source(pipeline: PipelineSettings, connectors: Connectors, context: Context) -> Source:
    """A fresh source; no call is made yet."""
    name = pipeline.source.connector
    opening = connectors[name].open_source
    if opening is None:
        raise InvariantError(f"the connector {name} offers no source, and was accepted as one")
    return opening(pipeline.source.settings, context)


def open_sink(pipeline: PipelineSettings, connectors: Connectors, context: Context) -> Sink:
    """A fresh sink; no call is made yet."""
    name = pipeline.sink.connector
    opening = connectors[name].open_sink
    if opening is None:
        raise InvariantError(f"the connector {name} offers no sink, and was accepted as one")
    return opening(pipeline.sink.settings, context)
