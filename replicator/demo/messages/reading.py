"""Reading a message of Service Bus by the documented form alone.

Written a second time on purpose, without a line of the connector's: if that is wrong, this is not.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from replicator.demo.messages.canonical import Attribute

_OURS = "Replicator"
_SERVICES = ("DeadLetterReason", "DeadLetterErrorDescription")


def id_of(message: Any) -> str:
    """The id that the message had in SQS."""
    return str(_entry(message).get("id", message.message_id))


def body_of(message: Any) -> str:
    """The text."""
    return b"".join(message.body).decode()


def attributes_of(message: Any) -> dict[str, Attribute]:
    """The attributes that the message had in SQS."""
    entry = _entry(message)
    types = entry.get("t", {})
    plain = {
        name: _attribute(types.get(name, "String"), text)
        for name, text in _properties(message).items()
        if not (name == _OURS or name.startswith(f"{_OURS}.") or name in _SERVICES)
    }
    return plain | {name: _attribute(*parts) for name, parts in entry.get("a", {}).items()}


def _entry(message: Any) -> Mapping[str, Any]:
    return dict(json.loads(_properties(message)[_OURS]))


def _properties(message: Any) -> dict[str, str]:
    """The SDK hands out names and texts as bytes."""
    return {_text(name): _text(value) for name, value in (message.application_properties or {}).items()}


def _attribute(kind: str, text: str) -> Attribute:
    return Attribute(kind, base64.b64decode(text) if kind.startswith("Binary") else text)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
