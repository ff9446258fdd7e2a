"""Key ranges: the pieces of a scan, and where to look for places at which to cut. Pure.

A piece is the JSON text of ``[after, until]``: keys greater than the one and not greater than the other,
which is null for the last piece. It says all there is to know, so it is valid for ever.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

_LOW, _HIGH = 0x20, 0x7E  # the characters that places are made of; keys may hold others
_BASE = _HIGH - _LOW + 2
_DIGITS = 12
_SIGNIFICANT = 6  # characters of a place beyond what both ends share; more would only make names long


@dataclass(frozen=True, slots=True)
class Range:
    """A range of keys while it is cut.

    Attributes:
        after, until: what it covers; ``until`` is None where it has no end.
        first: its first key when it was looked for.
        top: no key of ASCII was found above this; ``first`` itself where it is not worth cutting.
    """

    after: str
    until: str | None
    first: str
    top: str

    def piece(self) -> str:
        """The name of the piece."""
        return json.dumps([self.after, self.until], ensure_ascii=False)

    def middle(self) -> str | None:
        """A text about half way between its first key and its top; None where nothing lies between."""
        common = _common(self.first, self.top)
        low, high = _number(self.first[common:]), _number(self.top[common:])
        found = self.first[:common] + _text((low + high) // 2)
        return found if self.first <= found < self.top else None


def bounds(piece: str) -> tuple[str, str | None]:
    """The range that a piece's name tells.

    Raises:
        ValueError: it is not one.
    """
    found = json.loads(piece)
    if not isinstance(found, list) or len(found) != 2 or not isinstance(found[0], str):
        raise ValueError(f"not a piece: {piece!r}")
    return found[0], found[1]


def _common(one: str, other: str) -> int:
    """How long the part is with which both begin."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def _number(text: str) -> int:
    """The text's beginning as a number whose order is that of texts; other characters count as the last."""
    digits = [min(max(ord(each), _LOW), _HIGH) - _LOW + 1 for each in text[:_DIGITS]]
    digits += [0] * (_DIGITS - len(digits))
    number = 0
    for digit in digits:
        number = number * _BASE + digit
    return number


def _text(number: int) -> str:
    """A short text whose number is at most this."""
    digits = []
    for _ in range(_DIGITS):
        number, digit = divmod(number, _BASE)
        digits.append(digit)
    text = ""
    for digit in reversed(digits):
        if digit == 0:
            break
        text += chr(digit - 1 + _LOW)
    return text[:_SIGNIFICANT]
