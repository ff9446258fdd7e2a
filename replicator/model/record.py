r"""Records: the full state of one key, in neutral form.

An ``Item`` holds its attributes as typed values, the notation of the ten DynamoDB types, because it
is the richest of the systems we serve and every other form is computed from it without loss. A
typed value is a mapping with exactly one entry:

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
import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from replicator.model.key import number_text

Value = Mapping[str, Any]


class Item(NamedTuple):
    """A row: attribute name to typed value, key attributes included."""

    attributes: Mapping[str, Value]


Record = Item


def digest(record: Record) -> bytes:
    """A 16-byte digest of what the record means: equal for equal records, whatever their order.

    Numbers are compared by value (``1.0`` is ``1``), sets without order, everything else exactly.
    """
    canonical = _canonical({"M": record.attributes})
    text = orjson.dumps(canonical, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).digest()


def record_to_json(record: Record) -> bytes:
    """The record as JSON that ``record_from_json`` reads back exactly; binary is base64."""
    return orjson.dumps({"item": _with_text(record.attributes)})


def record_from_json(text: bytes | str) -> Record:
    """The record that ``record_to_json`` wrote."""
    return Item(_with_bytes(orjson.loads(text)["item"]))


def _canonical(value: Value) -> Any:
    ((tag, body),) = value.items()
    if tag == "N":
        return {"N": number_text(Decimal(body))}
    if tag == "B":
        return {"B": base64.b64encode(body).decode()}
    if tag == "M":
        return {"M": {name: _canonical(inner) for name, inner in body.items()}}
    if tag == "L":
        return {"L": [_canonical(inner) for inner in body]}
    if tag == "NS":
        return {"NS": sorted(number_text(Decimal(number)) for number in body)}
    if tag == "BS":
        return {"BS": sorted(base64.b64encode(binary).decode() for binary in body)}
    if tag == "SS":
        return {"SS": sorted(body)}
    return {tag: body}


def _with_text(attributes: Mapping[str, Value]) -> dict[str, Any]:
    return {name: _value_with_text(value) for name, value in attributes.items()}


def _value_with_text(value: Value) -> Any:
    ((tag, body),) = value.items()
    if tag == "B":
        return {"B": base64.b64encode(body).decode()}
    if tag == "BS":
        return {"BS": [base64.b64encode(binary).decode() for binary in body]}
    if tag == "M":
        return {"M": _with_text(body)}
    if tag == "L":
        return {"L": [_value_with_text(inner) for inner in body]}
    return dict(value)


def _with_bytes(attributes: Mapping[str, Any]) -> dict[str, Value]:
    return {name: _value_with_bytes(value) for name, value in attributes.items()}


def _value_with_bytes(value: Mapping[str, Any]) -> Value:
    ((tag, body),) = value.items()
    if tag == "B":
        return {"B": base64.b64decode(body)}
    if tag == "BS":
        return {"BS": [base64.b64decode(text) for text in body]}
    if tag == "M":
        return {"M": _with_bytes(body)}
    if tag == "L":
        return {"L": [_value_with_bytes(inner) for inner in body]}
    return value
