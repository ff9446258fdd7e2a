r"""Typed values: the notation in which an item's attributes are kept.

It is that of the ten DynamoDB types, because it is the richest of the systems we serve and every other
form is computed from it without loss. A typed value is a mapping with exactly one entry:

=========  ==========================================  =====================
type       value                                       example
=========  ==========================================  =====================
S          str                                         ``{"S": "text"}``
N          str, up to 38 significant digits            ``{"N": "12.50"}``
B          bytes                                       ``{"B": b"\x00"}``
BOOL       bool                                        ``{"BOOL": True}``
NULL       True                                        ``{"NULL": True}``
L          list of typed values                        ``{"L": [...]}``
M          mapping of name to typed value              ``{"M": {...}}``
SS NS BS   list of distinct str, str or bytes, any     ``{"SS": ["a", "b"]}``
           order
=========  ==========================================  =====================

Source: DynamoDB API reference, AttributeValue.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from replicator.model.key import number_text

Value = Mapping[str, Any]


def canonical(value: Value) -> Any:
    """One form for all that mean the same: numbers by value, sets without order, the rest exactly."""
    ((tag, body),) = value.items()
    if tag == "N":
        return {"N": number_text(Decimal(body))}
    if tag == "B":
        return {"B": base64.b64encode(body).decode()}
    if tag == "M":
        return {"M": {name: canonical(inner) for name, inner in body.items()}}
    if tag == "L":
        return {"L": [canonical(inner) for inner in body]}
    if tag == "NS":
        return {"NS": sorted(number_text(Decimal(number)) for number in body)}
    if tag == "BS":
        return {"BS": sorted(base64.b64encode(binary).decode() for binary in body)}
    if tag == "SS":
        return {"SS": sorted(body)}
    return {tag: body}


def with_text(attributes: Mapping[str, Value]) -> dict[str, Any]:
    """The attributes with every binary value as base64, ready for JSON."""
    return {name: _value_with_text(value) for name, value in attributes.items()}


def with_bytes(attributes: Mapping[str, Any]) -> dict[str, Value]:
    """The attributes that ``with_text`` was given."""
    return {name: _value_with_bytes(value) for name, value in attributes.items()}


def _value_with_text(value: Value) -> Any:
    ((tag, body),) = value.items()
    if tag == "B":
        return {"B": base64.b64encode(body).decode()}
    if tag == "BS":
        return {"BS": [base64.b64encode(binary).decode() for binary in body]}
    if tag == "M":
        return {"M": with_text(body)}
    if tag == "L":
        return {"L": [_value_with_text(inner) for inner in body]}
    return dict(value)


def _value_with_bytes(value: Mapping[str, Any]) -> Value:
    ((tag, body),) = value.items()
    if tag == "B":
        return {"B": base64.b64decode(body)}
    if tag == "BS":
        return {"BS": [base64.b64decode(text) for text in body]}
    if tag == "M":
        return {"M": with_bytes(body)}
    if tag == "L":
        return {"L": [_value_with_bytes(inner) for inner in body]}
    return value
