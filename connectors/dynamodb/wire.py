"""Answers of the service, decoded fast: by a JSON parser, and binary only where there is any. Pure.

The SDK's own parser visits ten possible members for every attribute value, which costs more than the
rest of a copy together. An answer of the JSON protocol already has the shape that the SDK promises,
except that binary is base64 (AWS JSON 1.0 protocol: blobs are base64 strings, timestamps are seconds
since the epoch, which we keep as numbers).
"""

from __future__ import annotations

import base64
import re
from typing import Any

import orjson

SIZE = "BodyBytes"
"""The name under which ``decode`` adds the size of the body to an answer."""

_BINARY = re.compile(rb'"BS?"\s*:')


def decode(body: bytes) -> dict[str, Any]:
    """The body of an answer that holds items or stream records, binary as ``bytes``.

    Raises:
        ValueError: the body is not JSON.
    """
    answer: dict[str, Any] = orjson.loads(body) if body else {}
    if _BINARY.search(body):
        _decode_items(answer)
    answer[SIZE] = len(body)
    return answer


def _decode_items(answer: dict[str, Any]) -> None:
    for item in answer.get("Items", ()):
        _decode_attributes(item)
    for items in answer.get("Responses", {}).values():
        for item in items:
            _decode_attributes(item)
    for keys in answer.get("UnprocessedKeys", {}).values():
        for key in keys["Keys"]:
            _decode_attributes(key)
    _decode_attributes(answer.get("LastEvaluatedKey") or {})
    for record in answer.get("Records", ()):
        for image in ("Keys", "NewImage", "OldImage"):
            _decode_attributes(record["dynamodb"].get(image, {}))


def _decode_attributes(attributes: dict[str, Any]) -> None:
    for value in attributes.values():
        _decode_value(value)


def _decode_value(value: dict[str, Any]) -> None:
    ((tag, body),) = value.items()
    if tag == "B":
        value["B"] = base64.b64decode(body)
    elif tag == "BS":
        value["BS"] = [base64.b64decode(text) for text in body]
    elif tag == "M":
        _decode_attributes(body)
    elif tag == "L":
        for inner in body:
            _decode_value(inner)
