"""SQS's form of a message -> the neutral one. Pure.

Nothing is read into the text: the body is passed on as it is, a number stays its text, and what SQS said of
the message and no sink can set stays under SQS's own names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from replicator.model.change import Change, Kind
from replicator.model.record import Attribute, Message

MARK = "replicator-mark"
"""The attribute by which an end message is known; its value is the mark's name."""

_TOLD_ELSEWHERE = frozenset({"SentTimestamp", "MessageDeduplicationId"})


def sent_at_of(raw: Mapping[str, Any]) -> float:
    """When the message was sent, in seconds since the epoch."""
    return int(raw.get("Attributes", {}).get("SentTimestamp", 0)) / 1000


def message_of(raw: Mapping[str, Any], retention_seconds: float, *, fifo: bool) -> Message:
    """The message in neutral form.

    The group id of a standard queue (a fair queue's tenant) promises no order, so it is a property and not
    a group. Source: SQS API reference, ReceiveMessage; developer guide, fair queues.
    """
    system = raw.get("Attributes", {})
    sent_at = sent_at_of(raw)
    apart = _TOLD_ELSEWHERE | {"MessageGroupId"} if fifo else _TOLD_ELSEWHERE
    return Message(
        id=raw["MessageId"],
        body=raw.get("Body", ""),
        attributes={name: _attribute(value) for name, value in raw.get("MessageAttributes", {}).items()},
        group=system.get("MessageGroupId") if fifo else None,
        deduplication_id=system.get("MessageDeduplicationId"),
        sent_at=sent_at,
        expires_at=sent_at + retention_seconds,
        properties={name: value for name, value in system.items() if name not in apart},
    )


def change_of(message: Message) -> Change:
    """The message as a change; its key is its group, where it has one, and its id."""
    key = (message.id,) if message.group is None else (message.group, message.id)
    return Change(Kind.UPSERT, key, message, message.sent_at)


def mark_in(raw: Mapping[str, Any]) -> str | None:
    """The name of the mark that this message is; None of a message of the workload's."""
    attribute = raw.get("MessageAttributes", {}).get(MARK)
    return None if attribute is None else attribute.get("StringValue")


def end_message(name: str, *, fifo: bool) -> dict[str, Any]:
    """An end message, in the words of SendMessage; in a FIFO queue it has a group to itself."""
    message: dict[str, Any] = {
        "MessageBody": "An end message of Replicator: it proves what was read before it.",
        "MessageAttributes": {MARK: {"DataType": "String", "StringValue": name}},
    }
    return message | ({"MessageGroupId": name, "MessageDeduplicationId": name} if fifo else {})


def is_whole(raw: Mapping[str, Any]) -> bool:
    """Whether body and attributes have the MD5s that the service gives; the SDK does not look.

    Source: SQS API reference, Message.
    """
    given = raw.get("MD5OfBody")
    if given is not None and given != _md5(raw.get("Body", "").encode()):
        return False
    given = raw.get("MD5OfMessageAttributes")
    return given is None or given == attributes_md5(raw.get("MessageAttributes", {}))


def attributes_md5(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """The digest of attributes (SQS developer guide, MD5 message digest for message attributes)."""
    parts = bytearray()
    for name in sorted(attributes):
        kind, value = _attribute(attributes[name])
        parts += _measured(name.encode()) + _measured(kind.encode())
        parts += b"\x02" if isinstance(value, bytes) else b"\x01"
        parts += _measured(value if isinstance(value, bytes) else value.encode())
    return _md5(bytes(parts))


def _measured(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _attribute(value: Mapping[str, Any]) -> Attribute:
    kind = value["DataType"]
    return Attribute(kind, value["BinaryValue"] if kind.startswith("Binary") else value["StringValue"])
