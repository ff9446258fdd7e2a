"""The two ends of each pipeline, validated by the connectors that they name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from replicator.config.problems import Path, Problem, did_you_mean, of_validation
from replicator.config.settings import End
from replicator.connector import Connector
from replicator.model.errors import ConfigError

Side = Literal["source", "sink"]
SIDES: tuple[Side, Side] = ("source", "sink")


class _Unread(BaseModel):
    """Stands for settings that could not be validated."""


def settings_class(connector: Connector, side: Side) -> type[BaseModel] | None:
    """The settings of this side of a connector; None where it does not offer the side."""
    return connector.source_settings if side == "source" else connector.sink_settings


def validate_ends(data: dict[str, Any], connectors: Mapping[str, Connector]) -> list[Problem]:
    """Replace every end of every pipeline by a validated ``End``, and say what is wrong with them.

    One that is wrong is replaced too, by an empty one, so that the tree's own validation says nothing
    more of it.
    """
    problems: list[Problem] = []
    pipelines = data.get("pipelines")
    for number, pipeline in enumerate(pipelines if isinstance(pipelines, list) else ()):
        for side in SIDES:
            if isinstance(pipeline, dict) and isinstance(pipeline.get(side), dict):
                path = ("pipelines", number, side)
                pipeline[side], found = _validate_end(pipeline[side], side, path, connectors)
                problems.extend(found)
    return problems


def _validate_end(
    section: dict[str, Any], side: Side, path: Path, connectors: Mapping[str, Connector]
) -> tuple[End, list[Problem]]:
    invalid = End.model_construct(connector="", settings=_Unread())
    own = dict(section)
    name = own.pop("connector", None)
    if not isinstance(name, str):
        hint = f"Installed are {', '.join(sorted(connectors))}."
        return invalid, [Problem((*path, "connector"), "the connector's name is required", hint)]
    model = _find(name, side, (*path, "connector"), connectors)
    if isinstance(model, Problem):
        return invalid, [model]
    try:
        return End(connector=name, settings=model.model_validate(own)), []
    except ValidationError as error:
        return invalid, of_validation(error, model, path, beside=("connector",))


def _find(
    name: str, side: Side, path: Path, connectors: Mapping[str, Connector]
) -> type[BaseModel] | Problem:
    if name not in connectors:
        listed = f"Installed are {', '.join(sorted(connectors)) or 'none'}."
        near = did_you_mean(name, connectors)
        hint = f"{near} {listed}" if near.startswith("Did") else listed
        return Problem(path, f"there is no connector {name!r}", hint)
    try:
        model = settings_class(connectors[name], side)
    except ConfigError as error:
        return Problem(path, str(error), error.hint)
    if model is None:
        return Problem(path, f"the connector {name} offers no {side}", f"Name one that does as the {side}.")
    return model
