"""From values to bytes (part 1, section 1.6)."""

import struct
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from localcloud.servicebus.amqp.types import (
    Array,
    Described,
    Int,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

__all__ = ["encode", "encode_described", "encode_map"]

_SMALL_MAX = 0xFF


def encode(value: Any) -> bytes:
    """Return the encoding of a value, in the shortest form that its type has.

    Raises:
        TypeError: its type has no encoding here.
        struct.error: a number does not fit its type.
    """
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        raise TypeError(f"no AMQP encoding for {type(value).__name__}")
    return encoder(value)


def encode_described(code: int, body: bytes) -> bytes:
    """Return an encoded value with its descriptor, a small unsigned long (0x53), before it."""
    return b"\x00\x53" + bytes((code,)) + body


def encode_map(pairs: Iterable[bytes], count: int) -> bytes:
    """Return a map of `count` keys and values, alternating and encoded already."""
    return _compound(0xC1, b"".join(pairs), count)


def _compound(small_code: int, body: bytes, count: int) -> bytes:
    if len(body) < _SMALL_MAX and count <= _SMALL_MAX:
        return bytes((small_code, len(body) + 1, count)) + body
    return struct.pack(">BII", small_code + 0x10, len(body) + 4, count) + body


def _sized(small_code: int, body: bytes) -> bytes:
    if len(body) <= _SMALL_MAX:
        return bytes((small_code, len(body))) + body
    return struct.pack(">BI", small_code + 0x10, len(body)) + body


def _unsigned(zero: int, small: int, code: int, layout: str) -> Callable[[int], bytes]:
    full = struct.Struct(">B" + layout)

    def write(value: int) -> bytes:
        if 0 < value <= _SMALL_MAX:
            return bytes((small, value))
        return full.pack(code, value) if value else bytes((zero,))

    return write


def _signed(small: int, code: int, layout: str) -> Callable[[int], bytes]:
    full = struct.Struct(">B" + layout)

    def write(value: int) -> bytes:
        return struct.pack(">Bb", small, value) if -128 <= value <= 127 else full.pack(code, value)

    return write


def _coded(code: int, layout: str) -> Callable[[Any], bytes]:
    full = struct.Struct(">B" + layout)
    return lambda value: full.pack(code, value)


def _list(value: list[Any]) -> bytes:
    return _compound(0xC0, b"".join(map(encode, value)), len(value)) if value else b"\x45"


def _map(value: dict[Any, Any]) -> bytes:
    parts = [encode(part) for pair in value.items() for part in pair]
    return encode_map(parts, len(parts))


def _described(value: Described) -> bytes:
    if isinstance(value.descriptor, int):
        return encode_described(value.descriptor, encode(value.value))
    return b"\x00" + encode(Symbol(value.descriptor)) + encode(value.value)


def _array(value: Array) -> bytes:
    code, write = _ITEMS[value.kind]
    body = bytes((code,)) + b"".join(map(write, value.items))
    return struct.pack(">BII", 0xF0, len(body) + 4, len(value.items)) + body


def _text_item(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack(">I", len(encoded)) + encoded


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"\x40",
    bool: lambda value: b"\x41" if value else b"\x42",
    UByte: _coded(0x50, "B"),
    UShort: _coded(0x60, "H"),
    UInt: _unsigned(0x43, 0x52, 0x70, "I"),
    ULong: _unsigned(0x44, 0x53, 0x80, "Q"),
    Int: _signed(0x54, 0x71, "i"),
    int: _signed(0x55, 0x81, "q"),
    float: _coded(0x82, "d"),
    Timestamp: _coded(0x83, "q"),
    UUID: lambda value: b"\x98" + value.bytes,
    bytes: lambda value: _sized(0xA0, value),
    str: lambda value: _sized(0xA1, value.encode()),
    Symbol: lambda value: _sized(0xA3, value.encode("ascii")),
    list: _list,
    dict: _map,
    Described: _described,
    Array: _array,
}
# The constructor that all items of an array share, and what each item adds to it.
_ITEMS: dict[type, tuple[int, Callable[[Any], bytes]]] = {
    int: (0x81, struct.Struct(">q").pack),
    Timestamp: (0x83, struct.Struct(">q").pack),
    UUID: (0x98, lambda value: value.bytes),
    str: (0xB1, _text_item),
    Symbol: (0xB3, _text_item),
}
