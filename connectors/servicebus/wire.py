"""A message as AMQP 1.0 bytes (part 3, section 3.2): what stands for it in a batch. Pure.

The SDK encodes every message twice, value by value, which takes most of its time; this does it once, in a
tenth of it. Tests hold it to what the SDK reads back. Creation and expiry times are left out: the SDK
computes them by the machine's local time, and the service goes by the header's time to live.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from connectors.servicebus.codec import Outgoing

_NULL = b"\x40"
_SMALL_MAX = 0xFF
_UINT = struct.Struct(">I")
_COMPOUND = struct.Struct(">II")
_PROPERTIES_FIELDS = 13
_MESSAGE_ID, _CONTENT_TYPE, _GROUP_ID = 0, 6, 10
_PARTITION_KEY = b"\xa3\x13x-opt-partition-key"


def encode_message(outgoing: Outgoing) -> bytes:
    """The sections of a message, in their order."""
    parts = []
    if outgoing.ttl_seconds is not None:
        ttl = b"\x70" + _UINT.pack(int(outgoing.ttl_seconds * 1000))
        parts.append(b"\x00\x53\x70" + _list([_NULL, _NULL, ttl]))
    if outgoing.partition_key is not None:
        parts.append(b"\x00\x53\x72" + _map(_PARTITION_KEY + _text(outgoing.partition_key), 2))
    parts.append(b"\x00\x53\x73" + _properties(outgoing))
    parts.append(b"\x00\x53\x74" + _application(outgoing.properties))
    parts.append(b"\x00\x53\x75" + _sized(0xA0, outgoing.body))
    return b"".join(parts)


def _properties(outgoing: Outgoing) -> bytes:
    fields = [_NULL] * _PROPERTIES_FIELDS
    fields[_MESSAGE_ID] = _text(outgoing.message_id)
    if outgoing.content_type:
        fields[_CONTENT_TYPE] = _sized(0xA3, outgoing.content_type.encode("ascii"))
    if outgoing.session_id is not None:
        fields[_GROUP_ID] = _text(outgoing.session_id)
    return _list(fields)


def _application(properties: Mapping[str, str]) -> bytes:
    pairs = b"".join([_text(text) for pair in properties.items() for text in pair])
    return _map(pairs, 2 * len(properties))


def _text(text: str) -> bytes:
    return _sized(0xA1, text.encode())


def _sized(small_code: int, body: bytes) -> bytes:
    size = len(body)
    if size <= _SMALL_MAX:
        return bytes((small_code, size)) + body
    return bytes((small_code + 0x10,)) + _UINT.pack(size) + body


def _list(fields: list[bytes]) -> bytes:
    return _compound(0xC0, b"".join(fields), len(fields))


def _map(pairs: bytes, count: int) -> bytes:
    return _compound(0xC1, pairs, count)


def _compound(small_code: int, body: bytes, count: int) -> bytes:
    if len(body) < _SMALL_MAX and count <= _SMALL_MAX:
        return bytes((small_code, len(body) + 1, count)) + body
    return bytes((small_code + 0x10,)) + _COMPOUND.pack(len(body) + 4, count) + body
