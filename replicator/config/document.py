"""A configuration file as plain data, with the place of everything in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import yaml

from replicator.config.problems import Path, Problem
from replicator.model.errors import ConfigError

_SUBSTITUTION = re.compile(r"\$\{?\w+\}?")


@dataclass(slots=True)
class Document:
    """What a file says.

    Attributes:
        name: how the file is called in messages.
        data: sections and settings; one without a value is left out.
        keys, values: the place, ``file:line:column`` or a variable's name, of the name and of the value
            of each path.
        problems: what is wrong with the text itself.
    """

    name: str
    data: dict[str, Any] = field(default_factory=dict)
    keys: dict[Path, str] = field(default_factory=dict)
    values: dict[Path, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, problem: Problem) -> str:
        """Where the problem is; what is missing is missed in the nearest section around it."""
        if problem.at_key and problem.path in self.keys:
            return self.keys[problem.path]
        for length in range(len(problem.path), -1, -1):
            if problem.path[:length] in self.values:
                return self.values[problem.path[:length]]
        return self.name


def read(path: FilePath) -> Document:
    """Read a YAML file.

    Raises:
        ConfigError: there is no such file, it cannot be read, or it is not YAML with sections.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            [f"{path}: the configuration file cannot be read: {error.strerror}."],
            hint="Name it so: `replicator run FILE`. config/examples has files to start from.",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: the file is not UTF-8 text: {error}."]) from error
    return parse(str(path), text)


def parse(name: str, text: str) -> Document:
    """Read YAML text; raises as ``read`` does."""
    try:
        return _parse(name, yaml.SafeLoader(text))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError([f"{name}:{line}: a character is not allowed: {error.character:#x}."]) from error
    except yaml.MarkedYAMLError as error:
        raise ConfigError([_syntax(name, error)]) from error
    except RecursionError as error:
        raise ConfigError([f"{name}: a section holds itself, or too many others."]) from error


def _parse(name: str, loader: yaml.SafeLoader) -> Document:
    root = loader.get_single_node()
    if not isinstance(root, yaml.MappingNode):
        what = "is empty" if root is None else "does not hold sections such as `pipelines:`"
        raise ConfigError([f"{name}: the file {what}."], hint="config/examples has files to start from.")
    document = Document(name)
    document.values[()] = _place(name, root.start_mark)
    document.data = _Builder(document, loader).section(root, ())
    return document


class _Builder:
    """Turns YAML nodes into data and notes where each stands."""

    def __init__(self, document: Document, loader: yaml.SafeLoader) -> None:
        self._document = document
        self._loader = loader

    def section(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        self._refuse_repeated(node, path)
        self._loader.flatten_mapping(node)
        data: dict[str, Any] = {}
        for key, value in node.value:
            inner = (*path, str(key.value))
            self._document.keys[inner] = _place(self._document.name, key.start_mark)
            built = self._build(value, inner)
            if built is not None:
                data[str(key.value)] = built
        return data

    def _build(self, node: yaml.Node, path: Path) -> Any:
        self._document.values[path] = _place(self._document.name, node.start_mark)
        if isinstance(node, yaml.MappingNode):
            return self.section(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._build(item, (*path, number)) for number, item in enumerate(node.value)]
        value = self._loader.construct_object(node)
        if isinstance(value, str) and _SUBSTITUTION.fullmatch(value):
            self._document.problems.append(_substituted(path))
        return value

    def _refuse_repeated(self, node: yaml.MappingNode, path: Path) -> None:
        first: dict[str, int] = {}
        for key, _ in node.value:
            line = first.setdefault(str(key.value), key.start_mark.line + 1)
            if line != key.start_mark.line + 1:
                self._document.problems.append(
                    Problem((*path, str(key.value)), "is set twice", f"It is set in line {line} too.")
                )


def _substituted(path: Path) -> Problem:
    variable = "__".join(str(part).upper() for part in ("replicator", *path))
    return Problem(
        path,
        "variables are not substituted in this file",
        f"Set the variable {variable}, which overrides it.",
    )


def _place(name: str, mark: yaml.Mark) -> str:
    return f"{name}:{mark.line + 1}:{mark.column + 1}"


def _syntax(name: str, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    place = name if mark is None else _place(name, mark)
    context = f" ({error.context})" if error.context else ""
    return f"{place}: this is not YAML: {error.problem}{context}."
