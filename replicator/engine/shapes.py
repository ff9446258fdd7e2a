"""Which pipeline carries which shape of state."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from replicator.engine.items import ItemPipeline
from replicator.engine.messages import MessagePipeline
from replicator.engine.objects import ObjectPipeline
from replicator.engine.parts import Parts, Shape, leased, require_fit
from replicator.engine.pipeline import Pipeline

_PIPELINES: Mapping[Shape, Callable[[Parts], Pipeline]] = {
    Shape.ITEMS: ItemPipeline,
    Shape.OBJECTS: ObjectPipeline,
    Shape.MESSAGES: MessagePipeline,
}


def pipeline_of(parts: Parts) -> Pipeline:
    """A pipeline for what the two ends hold, not running yet.

    Raises:
        ConfigError: they do not make one.
    """
    return _PIPELINES[require_fit(parts)](leased(parts))
