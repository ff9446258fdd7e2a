"""Writes the JSON schema and the reference page from the settings.

Run ``python -m replicator.config.reference``, or with ``--check`` to learn whether they are current.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from replicator.config.connectors import GROUP, installed
from replicator.config.ends import SIDES, Side, settings_class
from replicator.config.schema import Schema, end_schema, schema
from replicator.config.settings import PipelineSettings, Settings
from replicator.connector import Connector

SCHEMA_PATH = Path("config/replicator.schema.json")
PAGE_PATH = Path("docs/configuration.md")

_HEAD = """\
# Configuration

One YAML file, `replicator.yaml` unless another is named. `config/examples` has files to start from, and
`config/replicator.schema.json` is its JSON schema: with the line
`# yaml-language-server: $schema=…/replicator.schema.json` an editor completes and checks as you type.
`replicator validate` reports everything that is wrong, each with line and column, before anything starts.

- Every setting can be overridden by an environment variable: `REPLICATOR__API__PORT=8701` sets `api.port`,
  `REPLICATOR__PIPELINES__0__SINK__CONTAINER=orders` the first pipeline's sink. A value that begins with `[`
  or `{` is read as YAML.
- Secrets are never in the file. It names a file (`…_file`) or an environment variable (`…_env`) that holds
  one, and the clouds' own credential chains are the default. Variables are not substituted in the file.
- Units stand last in a name: `_seconds`, `_bytes`. A relative path counts from the working directory.

Generated from the settings themselves by `python -m replicator.config.reference`; do not edit.
"""

_TABLE = "\n| setting | value | default | meaning |\n|---|---|---|---|\n"


def page(connectors: Mapping[str, Connector]) -> str:
    """The reference of every setting."""
    return _HEAD + "".join(_sections(connectors))


def _sections(connectors: Mapping[str, Connector]) -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield _section(f"`{name}`", field.annotation.model_json_schema())
    yield _section("`pipelines`, a list of", _pipeline_schema())
    for name, connector in sorted(connectors.items()):
        for side in SIDES:
            if settings_class(connector, side) is not None:
                yield _end(name, connector, side)


def _pipeline_schema() -> Schema:
    found = PipelineSettings.model_json_schema()
    found["properties"]["limits"]["default"] = "as in `limits`"
    return found


def _end(name: str, connector: Connector, side: Side) -> str:
    whole = end_schema(name, connector, side)
    inner = "".join(
        _section(f"`{part}` of `{name}` as a {side}", found)
        for part, setting in whole["properties"].items()
        if (found := _section_in(setting, whole.get("$defs", {}))) is not None
    )
    return _section(f"`{name}` as a {side}", whole) + inner


def _section_in(setting: Schema, definitions: Mapping[str, Schema]) -> Schema | None:
    """The section that a setting is; None of one that is a plain value."""
    for choice in (setting, *setting.get("anyOf", ())):
        found = definitions.get(str(choice.get("$ref", "")).rpartition("/")[2])
        if found is not None and "properties" in found:
            return found
    return None


def _section(title: str, section: Schema) -> str:
    required = section.get("required", [])
    rows = "".join(
        _row(name, setting, required=name in required) for name, setting in section["properties"].items()
    )
    return f"\n## {title}\n\n{section.get('description', '')}\n{_TABLE}{rows}"


def _row(name: str, setting: Schema, *, required: bool) -> str:
    default = "**required**" if required else _default(setting)
    meaning = str(setting.get("description", "")).replace("|", "\\|").replace("\n", " ")
    return f"| `{name}` | {_value(setting)} | {default} | {meaning} |\n"


def _default(setting: Schema) -> str:
    default = setting.get("default")
    if default is None:
        return "–"
    if isinstance(default, str) and " " in default:
        return default
    return f"`{json.dumps(default) if not isinstance(default, str) else default}`"


def _value(setting: Schema) -> str:
    """The kind of value and its bounds."""
    if "const" in setting:
        return f"`{setting['const']}`"
    if "enum" in setting:
        return ", ".join(f"`{choice}`" for choice in setting["enum"])
    if "anyOf" in setting:
        kinds = (kind for kind in setting["anyOf"] if kind.get("type") != "null")
        return " or ".join(dict.fromkeys(_value(kind) for kind in kinds))
    kind = {"string": "text", "object": "section", "array": "list"}.get(setting.get("type", "object"))
    return f"{kind or setting['type']}{_bounds(setting)}"


def _bounds(setting: Schema) -> str:
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {_number(setting[word])}" for word, sign in words.items() if word in setting]
    return f", {', '.join(bounds)}" if bounds else ""


def _number(number: Any) -> str:
    return f"{number:.15g}"


def documents(connectors: Mapping[str, Connector]) -> dict[Path, str]:
    """Path to content of everything that is generated here."""
    return {
        SCHEMA_PATH: json.dumps(schema(connectors), indent=2, ensure_ascii=False) + "\n",
        PAGE_PATH: page(connectors),
    }


def own_connectors() -> dict[str, Connector]:
    """The connectors of this package; others that happen to be installed are not in our reference."""
    points = distribution("replicator").entry_points.select(group=GROUP)
    connectors = installed()
    return {name: connectors[name] for name in sorted(point.name for point in points)}


def main(arguments: list[str]) -> int:
    """Write the files, or, with ``--check``, say whether they are current."""
    stale = [
        path
        for path, content in documents(own_connectors()).items()
        if not path.exists() or path.read_text(encoding="utf-8") != content
    ]
    if "--check" in arguments:
        sys.stderr.writelines(
            f"{path} is not current; run python -m replicator.config.reference\n" for path in stale
        )
        return 1 if stale else 0
    for path, content in documents(own_connectors()).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
