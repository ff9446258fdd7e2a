"""The JSON schema of the configuration file, with the settings of connectors in it, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from replicator.config.ends import SIDES, Side, settings_class
from replicator.config.settings import Settings
from replicator.connector import Connector

Schema = dict[str, Any]


def schema(connectors: Mapping[str, Connector]) -> Schema:
    """JSON Schema, draft 2020-12: what the file may hold when these connectors are installed."""
    whole = Settings.model_json_schema()
    definitions = whole["$defs"]
    for side in SIDES:
        places = definitions["PipelineSettings"]["properties"]
        places[side] = {
            "description": places[side]["description"],
            "oneOf": [{"$ref": f"#/$defs/{name}_{side}"} for name in _offering(connectors, side)],
        }
        for name in _offering(connectors, side):
            own = end_schema(name, connectors[name], side)
            definitions.update(own.pop("$defs", {}))
            definitions[f"{name}_{side}"] = own
    del definitions["End"], definitions["BaseModel"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Replicator",
        **_without_titles(whole),
    }


def _offering(connectors: Mapping[str, Connector], side: Side) -> list[str]:
    return [name for name in sorted(connectors) if settings_class(connectors[name], side) is not None]


def end_schema(name: str, connector: Connector, side: Side) -> Schema:
    """The section of one end: the connector's name, and its own settings beside it."""
    model = settings_class(connector, side)
    own: Schema = {} if model is None else model.model_json_schema()
    label = {"const": name, "description": f"The connector {name}."}
    own["properties"] = {"connector": label, **own.get("properties", {})}
    own["required"] = ["connector", *own.get("required", [])]
    return own


def _without_titles(node: Any) -> Any:
    """Titles are the names said again; a property that is called ``title`` stays."""
    if isinstance(node, list):
        return [_without_titles(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_titles(value)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
    }
