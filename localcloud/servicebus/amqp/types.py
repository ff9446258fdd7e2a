"""Values that say how they go over the wire, where a Python type alone does not (part 1, section 1.6).

Without a word of its own an ``int`` is a long, a ``str`` a string, ``bytes`` are binary, a ``dict`` is a
map and a ``list`` a list. Decoding returns plain numbers: what must keep its exact type is kept as bytes.
"""

from dataclasses import dataclass
from typing import Any

__all__ = ["Array", "Described", "Int", "Symbol", "Timestamp", "UByte", "UInt", "ULong", "UShort"]


class Symbol(str):
    """A word of a protocol, in ASCII; equal to the string of the same letters."""

    __slots__ = ()


class UByte(int):
    """An unsigned number of 8 bits."""


class UShort(int):
    """An unsigned number of 16 bits."""


class UInt(int):
    """An unsigned number of 32 bits."""


class ULong(int):
    """An unsigned number of 64 bits."""


class Int(int):
    """A signed number of 32 bits."""


class Timestamp(int):
    """Milliseconds since the epoch, signed, 64 bits."""


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor: a performative, an outcome, a terminus, a section.

    Attributes:
        descriptor: the numeric code, or a symbol.
        value: what it describes.
    """

    descriptor: int | str
    value: Any


@dataclass(frozen=True, slots=True)
class Array:
    """Items of one type, written with one constructor.

    Attributes:
        kind: the type of all items: one of this module's, ``int``, ``str`` or ``UUID``.
        items: the values.
    """

    kind: type
    items: list[Any]
