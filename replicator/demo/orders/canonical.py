"""One text for items that mean the same, whoever wrote or read them. Nothing of Replicator is in it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from typing import Any

TypedValue = Mapping[str, Any]
TypedItem = Mapping[str, TypedValue]
"""An item as boto3's client takes and gives it: ``{"total": {"N": "12.50"}}``, binary as bytes."""

_DIGITS = Context(prec=40)  # DynamoDB keeps 38


def canonical(item: TypedItem) -> str:
    """The text of an item: names sorted, numbers by value, sets without order."""
    return json.dumps(_map(item), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def typed(text: str) -> dict[str, TypedValue]:
    """The item that ``canonical`` gave this text for, fit to be written again."""
    return {name: _written(value) for name, value in json.loads(text).items()}


def _number(text: str) -> str:
    number = Decimal(text).normalize(_DIGITS)
    return str(number) if number else "0"


def _base64(binary: bytes) -> str:
    return base64.b64encode(binary).decode()


def _map(values: TypedItem) -> dict[str, Any]:
    return {name: _value(value) for name, value in values.items()}


def _value(value: TypedValue) -> Any:
    ((kind, body),) = value.items()
    text_of = _TEXTS.get(kind)
    return value if text_of is None else {kind: text_of(body)}


_TEXTS: dict[str, Callable[[Any], Any]] = {
    "N": _number,
    "B": _base64,
    "M": _map,
    "L": lambda values: [_value(value) for value in values],
    "SS": sorted,
    "NS": lambda texts: sorted(_number(text) for text in texts),
    "BS": lambda binaries: sorted(_base64(binary) for binary in binaries),
}


def _written(value: TypedValue) -> TypedValue:
    ((kind, body),) = value.items()
    if kind == "M":
        return {"M": {name: _written(inner) for name, inner in body.items()}}
    if kind == "L":
        return {"L": [_written(inner) for inner in body]}
    if kind == "B":
        return {"B": base64.b64decode(body)}
    if kind == "BS":
        return {"BS": [base64.b64decode(text) for text in body]}
    return value
