"""Reading a document of the container by the documented form alone: `docs/stored-form.md`.

Written a second time on purpose, without a line of the connector's: if that is wrong, this is not.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from replicator.demo.orders.canonical import TypedValue

_OURS = ("id", "pk", "ttl", "replicator")
_SERVICES = ("rid", "self", "etag", "ts", "attachments", "lsn")
_EXACT_INTEGER = 2**53
_NOT_ATTRIBUTES = {*_OURS, *(f"_{name}" for name in _SERVICES)}


def item_of(document: Mapping[str, Any]) -> dict[str, TypedValue]:
    """The item that a document stands for."""
    tags = document["replicator"].get("t", {})
    return {
        _attribute(name): _value(value, tags.get(name))
        for name, value in document.items()
        if name not in _NOT_ATTRIBUTES
    }


def _attribute(name: str) -> str:
    """Names that are ours or the service's were given one underscore more."""
    stem = name.lstrip("_")
    escaped = name != stem and (stem in _OURS or (stem in _SERVICES and name.startswith("__")))
    return name[1:] if escaped else name


def _value(value: Any, tags: Any) -> TypedValue:
    if isinstance(tags, str):
        return {tags: _TAGGED[tags](value)}
    kind, body = _UNTAGGED[type(value)]
    return {kind: body(value, tags or {})}


def _number(value: Any) -> str:
    """A tagged number is its text; a plain one is a double, whatever digits the service printed."""
    if isinstance(value, str) or (isinstance(value, int) and abs(value) <= _EXACT_INTEGER):
        return str(value)
    return repr(float(value))


_TAGGED: dict[str, Callable[[Any], Any]] = {
    "N": _number,
    "B": base64.b64decode,
    "SS": list,
    "NS": lambda values: [_number(value) for value in values],
    "BS": lambda values: [base64.b64decode(value) for value in values],
}

_UNTAGGED: dict[type, tuple[str, Callable[[Any, Any], Any]]] = {
    str: ("S", lambda value, _tags: value),
    bool: ("BOOL", lambda value, _tags: value),
    type(None): ("NULL", lambda _value, _tags: True),
    int: ("N", lambda value, _tags: _number(value)),
    float: ("N", lambda value, _tags: _number(value)),
    list: ("L", lambda values, tags: [_value(each, tags.get(str(at))) for at, each in enumerate(values)]),
    dict: ("M", lambda values, tags: {name: _value(each, tags.get(name)) for name, each in values.items()}),
}
