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


@dataclass(frozen=True, slots=True)
class Range:
    """A range of keys while it is cut.

    Attributes:
        after, until: what it covers; ``until`` is None where it has no end.
        first: a key of it, its first when it was looked for.
        top: no key was found above this; None where nothing was looked for.
    """

    after: str
    until: str | None
    first: str
    top: str | None = None

    def piece(self) -> str:
        """The name of the piece."""
        return json.dumps([self.after, self.until], ensure_ascii=False)

    def middle(self) -> str | None:
        """A text about half way between what is known of its keys; None where nothing lies between."""
        top = self.top if self.top is not None else self.until
        low, high = _number(self.first), _BASE**_DIGITS - 1 if top is None else _number(top)
        common = _common(self.first, top)
        if top is not None:
            low, high = _number(self.first[common:]), _number(top[common:])
        text = _text((low + high) // 2)
        found = (self.first[:common] if top is not None else "") + text
        return found if self.first <= found and (top is None or found < top) else None

    def cut(self, middle: str, beyond: str | None) -> tuple[Range, ...]:
        """The range after a look beyond its middle, where the next key is this, or none within it."""
        if beyond is None or (self.until is not None and beyond > self.until):
            return (Range(self.after, self.until, self.first, middle),)
        return (Range(self.after, middle, self.first), Range(middle, self.until, beyond, self.top))


def bounds(piece: str) -> tuple[str, str | None]:
    """The range that a piece's name tells.

    Raises:
        ValueError: it is not one.
    """
    found = json.loads(piece)
    if not isinstance(found, list) or len(found) != 2 or not isinstance(found[0], str):
        raise ValueError(f"not a piece: {piece!r}")
    return found[0], found[1]


def whole() -> str:
    """The piece that covers everything."""
    return Range("", None, "").piece()


def _common(one: str, other: str | None) -> int:
    """How long the part is with which both begin."""
    if other is None:
        return 0
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
    """The text whose number is at most this, cut off where it would hold a gap."""
    digits = []
    for _ in range(_DIGITS):
        number, digit = divmod(number, _BASE)
        digits.append(digit)
    text = ""
    for digit in reversed(digits):
        if digit == 0:
            break
        text += chr(digit - 1 + _LOW)
    return text[:_SIGNIFICANT] if len(text) > _SIGNIFICANT else text


_SIGNIFICANT = 6
"""Characters of a place beyond what both ends have in common; more would only make names long."""
