"""Keys: the identity of a record, in neutral form.

A key is a tuple of one or two parts. The Python type of a part is its type: ``str`` for text,
``Decimal`` for a number, ``bytes`` for binary, so ``("1",)`` and ``(Decimal(1),)`` are different keys
while ``Decimal("1")`` and ``Decimal("1.0")`` are the same one.
"""

from __future__ import annotations

import base64
import json
from decimal import Context, Decimal, InvalidOperation

KeyPart = str | Decimal | bytes
Key = tuple[KeyPart, ...]

_EXACT = Context(prec=60)  # DynamoDB numbers have 38 digits; normalising must never round


def number_text(number: Decimal) -> str:
    """The one text of a number: no exponent sign games, no trailing zeros; ``-0`` is ``0``."""
    normal = number.normalize(_EXACT)
    return str(normal) if normal else "0"


def key_text(key: Key) -> str:
    """A printable, injective text of a key, for stores, reports and the command line.

    The text is a JSON array with one string per part: ``s:`` text, ``n:`` number, ``b:`` base64.
    """
    return json.dumps([_part_text(part) for part in key], ensure_ascii=False)


def key_from_text(text: str) -> Key:
    """The key that ``key_text`` gave this text for.

    Raises:
        ValueError: the text is not one that ``key_text`` writes.
    """
    parts = json.loads(text)
    if not isinstance(parts, list) or not parts:
        raise ValueError(f"not a key: {text!r}")
    return tuple(_part_from_text(part) for part in parts)


def key_from_input(text: str) -> Key:
    """The key that a person names: the text that ``key_text`` writes, or plain text for a key of one text.

    Raises:
        ValueError: it begins as ``key_text`` would, and is none of its.
    """
    return key_from_text(text) if text.startswith("[") else (text,)


def _part_text(part: KeyPart) -> str:
    if isinstance(part, str):
        return f"s:{part}"
    if isinstance(part, bytes):
        return f"b:{base64.b64encode(part).decode()}"
    return f"n:{number_text(part)}"


def _part_from_text(text: object) -> KeyPart:
    if not isinstance(text, str):
        raise ValueError(f"not a key part: {text!r}")
    tag, body = text[:2], text[2:]
    if tag == "s:":
        return body
    if tag == "b:":
        return base64.b64decode(body, validate=True)
    if tag == "n:":
        try:
            return Decimal(body)
        except InvalidOperation as error:
            raise ValueError(f"not a number: {body!r}") from error
    raise ValueError(f"not a key part: {text!r}")
