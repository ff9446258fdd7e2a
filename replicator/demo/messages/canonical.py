"""One text for messages that mean the same, whoever sent or took them. Nothing of Replicator is in it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import NamedTuple


class Attribute(NamedTuple):
    """An attribute of a message: its type, such as ``Number.int``, and its value, bytes where binary."""

    type: str
    value: str | bytes


def canonical(body: str, attributes: Mapping[str, Attribute], after: str | None) -> str:
    """The text of a message; ``after`` is the id of the one before it in its group: order counts."""
    told = {name: (each.type, _text(each.value)) for name, each in attributes.items()}
    message = {"body": body, "attributes": told, "after": after}
    return json.dumps(message, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _text(value: str | bytes) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
