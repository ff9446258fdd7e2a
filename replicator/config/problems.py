"""What is wrong with a configuration, in one sentence each, with its place and a way out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from replicator.telemetry.redact import is_secret_name, masked

Path = tuple[str | int, ...]
"""Where a setting stands in the tree: names, and numbers in lists."""

NOT_HERE_HINT = "Secrets are not written here: name a file or an environment variable that holds it."
SHOWN_CHARACTERS_MAX = 60

_SENTENCES = {
    "missing": "is required",
    "model_type": "must be a section with settings of its own",
    "dict_type": "must be a section with settings of its own",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "string_pattern_mismatch": "is not in the form that it must have",
    "too_short": "needs at least one",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. ``at_key`` points at the setting's name rather than at its value."""

    path: Path
    message: str
    hint: str = ""
    at_key: bool = False

    @property
    def text(self) -> str:
        """Path, what is wrong, and the hint, without the place."""
        sentence = self.message.rstrip(".") + "."
        return ": ".join(part for part in (path_text(self.path), sentence) if part) + (
            f" {self.hint}" if self.hint else ""
        )


def path_text(path: Path) -> str:
    """The path as people write it: ``pipelines[0].sink.container``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known name, or all of them."""
    names = sorted(known)
    near = get_close_matches(name.lower(), names, n=1)
    return f"Did you mean {near[0]}?" if near else f"Known are {', '.join(names)}."


def of_validation(
    error: ValidationError, model: type[BaseModel], prefix: Path = (), beside: Iterable[str] = ()
) -> list[Problem]:
    """The problems that pydantic found, each at its path below ``prefix``.

    ``beside`` names settings that may stand in the section and are not the model's.
    """
    details = error.errors(include_url=False)
    return [_of_detail(detail, model, prefix, beside) for detail in details if not _follows(detail)]


def _follows(detail: ErrorDetails) -> bool:
    """Whether a list counts as too short only because what is in it is wrong, which is told by itself."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _of_detail(
    detail: ErrorDetails, model: type[BaseModel], prefix: Path, beside: Iterable[str]
) -> Problem:
    path = prefix + detail["loc"]
    if detail["type"] == "extra_forbidden":
        section = section_at(model, detail["loc"][:-1])
        return unknown(path, [*beside, *(section.model_fields if section is not None else ())])
    message = detail["msg"].removeprefix("Value error, ").replace("Input should", "should")
    sentence = _SENTENCES.get(detail["type"], message)
    return Problem(path, sentence + _shown(path, detail["input"]), _description(model, detail["loc"]))


def unknown(path: Path, known: Iterable[str]) -> Problem:
    """The problem of a setting that is none of the known ones."""
    name = str(path[-1])
    hint = did_you_mean(name, known)
    if is_secret_name(name):
        hint = f"{hint} {NOT_HERE_HINT}"
    return Problem(path, "there is no such setting", hint, at_key=True)


def _shown(path: Path, value: Any) -> str:
    """The value, where it is short, and not if its name says secret."""
    if not isinstance(value, str | int | float) or any(is_secret_name(str(part)) for part in path):
        return ""
    text = masked(repr(value))
    return f" (it is {text})" if len(text) <= SHOWN_CHARACTERS_MAX else ""


def _description(model: type[BaseModel], path: Path) -> str:
    parent = section_at(model, path[:-1])
    field = None if parent is None or not path else parent.model_fields.get(str(path[-1]))
    return (field.description or "") if field is not None else ""


def section_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The section that stands at this path of the tree."""
    found: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, str) and found is not None:
            field = found.model_fields.get(part)
            found = None if field is None else _section_in(field.annotation)
    return found


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _section_in(inner))), None)
