"""From `Message` to the bytes that a receiver gets."""

import struct

from localcloud.servicebus.amqp.decoding import map_pairs
from localcloud.servicebus.amqp.encoding import encode, encode_described, encode_map
from localcloud.servicebus.amqp.sections import (
    APPLICATION_PROPERTIES,
    HEADER,
    MESSAGE_ANNOTATIONS,
    PROPERTIES,
    sections,
)
from localcloud.servicebus.amqp.types import Int, Symbol, UByte, UInt
from localcloud.servicebus.broker.message import Message

__all__ = ["render", "with_properties"]

_UINT_MAX = 0xFFFFFFFF


def _key(name: str) -> bytes:
    return encode(Symbol(name))


_NUMBER = _key("x-opt-sequence-number")
_FIRST_NUMBER = _key("x-opt-enqueue-sequence-number")
_ENQUEUED = _key("x-opt-enqueued-time")
_LOCKED_UNTIL = _key("x-opt-locked-until")
_SCHEDULED = _key("x-opt-scheduled-enqueue-time")
_PARTITION_KEY = _key("x-opt-partition-key")
_STATE = _key("x-opt-message-state")
_LONG = struct.Struct(">Bq")


def render(message: Message) -> bytes:
    """Return a message as it is delivered: header and annotations written anew, the rest untouched."""
    return _header(message) + _annotations(message) + message.payload


def with_properties(message: Message, properties: dict[str, str]) -> None:
    """Set application properties of a message; all others keep their exact type."""
    start, end = message.application
    old = _properties(message.payload[start:end])
    parts = [part for name, key, value in old if name not in properties for part in (key, value)]
    parts += [encode(text) for pair in properties.items() for text in pair]
    section = encode_described(APPLICATION_PROPERTIES, encode_map(parts, len(parts)))
    if not end:
        start = end = _behind_properties(message.payload)
    message.payload = message.payload[:start] + section + message.payload[end:]
    message.application = (start, start + len(section))


def _properties(section: bytes) -> list[tuple[str, bytes, bytes]]:
    return [pair for each in sections(section) for pair in map_pairs(section, each.value_at)]


def _behind_properties(payload: bytes) -> int:
    first = next(sections(payload), None)
    return first.end if first is not None and first.code == PROPERTIES else 0


def _header(message: Message) -> bytes:
    ttl = message.ttl_ms if message.ttl_ms is not None and message.ttl_ms <= _UINT_MAX else None
    fields = [
        message.durable,
        None if message.priority is None else UByte(message.priority),
        None if ttl is None else UInt(ttl),
        None,
        UInt(message.deliveries),
    ]
    return encode_described(HEADER, encode(fields))


def _annotations(message: Message) -> bytes:
    parts = [
        _NUMBER,
        _LONG.pack(0x81, message.number),
        _ENQUEUED,
        _LONG.pack(0x83, message.enqueued_ms),
        _STATE,
        encode(Int(message.state)),
        *message.annotations,
    ]
    if message.tag is not None:
        parts += (_LOCKED_UNTIL, _LONG.pack(0x83, message.locked_until_ms))
    if message.scheduled_ms is not None:
        parts += (_SCHEDULED, _LONG.pack(0x83, message.scheduled_ms))
    if message.partition_key is not None:
        parts += (_PARTITION_KEY, encode(message.partition_key))
    if message.first_number is not None:
        parts += (_FIRST_NUMBER, _LONG.pack(0x81, message.first_number))
    return encode_described(MESSAGE_ANNOTATIONS, encode_map(parts, len(parts)))
