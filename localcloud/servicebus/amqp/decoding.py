"""From bytes to values (part 1, section 1.6).

Nothing here looks ahead of what it was given: whoever reads frames gives whole ones.
"""

import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

from localcloud.servicebus.amqp.types import Described, Symbol

__all__ = ["DecodeError", "decode", "map_pairs", "skip"]

_Read = tuple[Any, int]
_UINT = struct.Struct(">I")
# Bytes of a value of fixed width, by the upper half of its constructor (part 1, section 1.2).
_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
_SMALL_SIZED, _LARGE_SIZED = {0xA, 0xC, 0xE}, {0xB, 0xD, 0xF}


class DecodeError(ValueError):
    """Bytes that are not AMQP, or end too early."""


def decode(data: bytes, at: int = 0) -> _Read:
    """Return the value at an offset, and the offset behind it.

    Raises:
        DecodeError: there is none.
    """
    try:
        return _value(data, at)
    except (IndexError, KeyError, RecursionError, struct.error, UnicodeDecodeError) as error:
        raise DecodeError(f"no AMQP value at byte {at}: {error!r}") from error


def skip(data: bytes, at: int) -> int:
    """Return the offset behind the value at an offset, without decoding it.

    Raises:
        DecodeError: it does not end within `data`.
    """
    try:
        end = _skip(data, at)
    except (IndexError, KeyError, RecursionError, struct.error) as error:
        raise DecodeError(f"no AMQP value at byte {at}: {error!r}") from error
    if end > len(data):
        raise DecodeError(f"the AMQP value at byte {at} is cut off")
    return end


def map_pairs(data: bytes, at: int) -> list[tuple[str, bytes, bytes]]:
    """Return the pairs of the map at an offset: the key as text, then key and value as they are encoded.

    So a map can be taken apart and put together again with every value's exact type kept.

    Raises:
        DecodeError: there is no map.
    """
    code = data[at] if at < len(data) else None
    if code in (0x40, 0x45):
        return []
    if code not in (0xC1, 0xD1):
        raise DecodeError(f"no map at byte {at}")
    skip(data, at)
    _, count, at = _compound_head(data, at + 1, large=code == 0xD1)
    pairs = []
    for _ in range(count // 2):
        key, value_at = decode(data, at)
        end = skip(data, value_at)
        pairs.append((str(key), data[at:value_at], data[value_at:end]))
        at = end
    return pairs


def _value(data: bytes, at: int) -> _Read:
    return _READERS[data[at]](data, at + 1)


def _skip(data: bytes, at: int) -> int:
    code = data[at]
    if code == 0:
        return _skip(data, _skip(data, at + 1))
    category = code >> 4
    if category in _SMALL_SIZED:
        return at + 2 + data[at + 1]
    if category in _LARGE_SIZED:
        return at + 5 + int(_UINT.unpack_from(data, at + 1)[0])
    return at + 1 + _WIDTHS[category]


def _constant(*, value: object) -> Callable[[bytes, int], _Read]:
    return lambda _, at: (value, at)


def _number(layout: str) -> Callable[[bytes, int], _Read]:
    shape = struct.Struct(">" + layout)
    return lambda data, at: (shape.unpack_from(data, at)[0], at + shape.size)


def _bytes(data: bytes, start: int, end: int) -> bytes:
    if end > len(data):
        raise IndexError(end)
    return data[start:end]


def _sized(convert: Callable[[bytes], Any], *, large: bool) -> Callable[[bytes, int], _Read]:
    def small_value(data: bytes, at: int) -> _Read:
        end = at + 1 + data[at]
        return convert(_bytes(data, at + 1, end)), end

    def large_value(data: bytes, at: int) -> _Read:
        end = at + 4 + int(_UINT.unpack_from(data, at)[0])
        return convert(_bytes(data, at + 4, end)), end

    return large_value if large else small_value


def _compound_head(data: bytes, at: int, *, large: bool) -> tuple[int, int, int]:
    """Return the offset behind a compound value, its count, and the offset of its first item."""
    if large:
        size, count = struct.unpack_from(">II", data, at)
        return at + 4 + size, count, at + 8
    return at + 1 + data[at], data[at + 1], at + 2


def _items(*, large: bool) -> Callable[[bytes, int], _Read]:
    def read(data: bytes, at: int) -> _Read:
        end, count, at = _compound_head(data, at, large=large)
        values = []
        # A count that lies is stopped by the end of the data, not by memory.
        for _ in range(count):
            value, at = _READERS[data[at]](data, at + 1)
            values.append(value)
        return values, end

    return read


def _map(*, large: bool) -> Callable[[bytes, int], _Read]:
    read_items = _items(large=large)

    def read(data: bytes, at: int) -> _Read:
        values, end = read_items(data, at)
        try:
            return dict(zip(values[::2], values[1::2], strict=True)), end
        except (TypeError, ValueError) as error:
            raise DecodeError(f"no map at byte {at}: {error}") from error

    return read


def _array(*, large: bool) -> Callable[[bytes, int], _Read]:
    def read(data: bytes, at: int) -> _Read:
        end, count, at = _compound_head(data, at, large=large)
        if count > end - at:
            # Items of no width would take memory that nobody sent.
            raise DecodeError(f"an array of {count} items in {end - at} bytes")
        reader = _READERS[data[at]] if count else _constant(value=None)
        values = []
        at += 1
        for _ in range(count):
            value, at = reader(data, at)
            values.append(value)
        return values, end

    return read


def _described(data: bytes, at: int) -> _Read:
    descriptor, at = _value(data, at)
    value, at = _value(data, at)
    return Described(descriptor, value), at


def _boolean(data: bytes, at: int) -> _Read:
    return data[at] == 1, at + 1


def _uuid(data: bytes, at: int) -> _Read:
    return UUID(bytes=_bytes(data, at, at + 16)), at + 16


def _opaque(width: int) -> Callable[[bytes, int], _Read]:
    return lambda data, at: (_bytes(data, at, at + width), at + width)


def _symbol(text: bytes) -> Symbol:
    return Symbol(text, "ascii")


_READERS: dict[int, Callable[[bytes, int], _Read]] = {
    0x00: _described,
    0x40: _constant(value=None),
    0x41: _constant(value=True),
    0x42: _constant(value=False),
    0x43: _constant(value=0),
    0x44: _constant(value=0),
    0x45: lambda _, at: ([], at),
    0x50: _number("B"),
    0x51: _number("b"),
    0x52: _number("B"),
    0x53: _number("B"),
    0x54: _number("b"),
    0x55: _number("b"),
    0x56: _boolean,
    0x60: _number("H"),
    0x61: _number("h"),
    0x70: _number("I"),
    0x71: _number("i"),
    0x72: _number("f"),
    0x73: _number("I"),
    0x74: _opaque(4),
    0x80: _number("Q"),
    0x81: _number("q"),
    0x82: _number("d"),
    0x83: _number("q"),
    0x84: _opaque(8),
    0x94: _opaque(16),
    0x98: _uuid,
    0xA0: _sized(bytes, large=False),
    0xA1: _sized(bytes.decode, large=False),
    0xA3: _sized(_symbol, large=False),
    0xB0: _sized(bytes, large=True),
    0xB1: _sized(bytes.decode, large=True),
    0xB3: _sized(_symbol, large=True),
    0xC0: _items(large=False),
    0xC1: _map(large=False),
    0xD0: _items(large=True),
    0xD1: _map(large=True),
    0xE0: _array(large=False),
    0xF0: _array(large=True),
}
