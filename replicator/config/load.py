"""Reading a configuration: file, overrides, connectors, tree, contradictions, and all problems at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from replicator.config.connectors import installed
from replicator.config.contradictions import contradictions, effective
from replicator.config.document import Document, read
from replicator.config.ends import validate_ends
from replicator.config.environment import override
from replicator.config.problems import Problem, of_validation
from replicator.config.settings import Settings
from replicator.connector import Connector
from replicator.model.errors import ConfigError


def load(
    path: str | Path, environ: Mapping[str, str], connectors: Mapping[str, Connector] | None = None
) -> Settings:
    """The settings in the file, with the overrides of the environment; each pipeline's limits complete.

    Args:
        path: a YAML file in UTF-8.
        environ: the process's environment, for overrides and for secrets named by a variable.
        connectors: name to connector; the installed ones by default.

    Raises:
        ConfigError: with one problem a line, ``file:line:column: path.to.setting: what is wrong. hint``.
    """
    document = read(Path(path))
    override(document, environ)
    ends = validate_ends(document.data, installed() if connectors is None else connectors)
    problems = [*document.problems, *ends]
    try:
        settings = Settings.model_validate(document.data)
    except ValidationError as error:
        raise _refused(document, [*problems, *of_validation(error, Settings)]) from error
    problems += contradictions(settings, environ)
    if problems:
        raise _refused(document, problems)
    return _complete(settings)


def _complete(settings: Settings) -> Settings:
    pipelines = tuple(
        pipeline.model_copy(update={"limits": effective(settings.limits, pipeline.limits)})
        for pipeline in settings.pipelines
    )
    return settings.model_copy(update={"pipelines": pipelines})


def _refused(document: Document, problems: Sequence[Problem]) -> ConfigError:
    placed = {(_line(place := document.place(problem)), f"{place}: {problem.text}") for problem in problems}
    return ConfigError([text for _, text in sorted(placed)])


def _line(place: str) -> int:
    """The line of a place in the file, for its order; the environment's come first."""
    parts = place.rsplit(":", 2)
    return int(parts[1]) if len(parts) == 3 else 0
