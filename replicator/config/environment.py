"""Overrides from the environment: ``REPLICATOR__API__PORT=8701`` sets ``api.port``.

Names are nested by two underscores, in capitals; an item of a list is named by its number, from 0.
A value is text, or, where it begins with ``[`` or ``{``, YAML.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from replicator.config.document import Document
from replicator.config.problems import Path, Problem

PREFIX = "REPLICATOR__"


def override(document: Document, environ: Mapping[str, str]) -> None:
    """Put every override into the document, with its variable as its place."""
    for variable in sorted(environ):
        if variable.startswith(PREFIX):
            path = _path(variable.removeprefix(PREFIX))
            document.keys[path] = document.values[path] = variable
            problem = _set(document.data, path, environ[variable])
            if problem:
                document.problems.append(Problem(path, problem))


def _path(name: str) -> Path:
    return tuple(int(part) if part.isdigit() else part for part in name.lower().split("__"))


def _set(data: dict[str, Any], path: Path, text: str) -> str:
    """Set it, or say why that cannot be."""
    try:
        value = yaml.safe_load(text) if text.startswith(("[", "{")) else text
    except yaml.YAMLError:
        return "the value begins like YAML and is none"
    section: Any = data
    for part in path[:-1]:
        section = _enter(section, part)
        if section is None:
            return "there is nothing to override at this place"
    if isinstance(section, dict) and isinstance(path[-1], str):
        section[path[-1]] = value
        return ""
    return "there is nothing to override at this place"


def _enter(section: Any, part: str | int) -> Any:
    if isinstance(section, dict) and isinstance(part, str):
        return section.setdefault(part, {})
    if isinstance(section, list) and isinstance(part, int) and part < len(section):
        return section[part]
    return None
