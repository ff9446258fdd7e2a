"""Numbers of keys in their one form, as DynamoDB compares them: ``1.0`` and ``01`` are ``1``.

ministack brings the numbers of an item that is put into that form, and looks for a key by the text that it
is given. So an update of ``1.0`` would make a second item with the key ``1``, and a delete would find none.
"""

import re
from decimal import Context, Decimal, InvalidOperation

from localcloud.aws.messages import Call

__all__ = ["with_plain_numbers"]

_LOOKING = frozenset(
    {
        *("GetItem", "UpdateItem", "DeleteItem", "Query", "Scan"),
        *("BatchGetItem", "BatchWriteItem", "TransactGetItems", "TransactWriteItems"),
    }
)
_NUMBER = re.compile(rb'("N"\s*:\s*")([^"\\]*)(?=")')
_PLAIN = re.compile(rb"0|-?(?:[1-9][0-9]*|(?:[1-9][0-9]*|0)\.[0-9]*[1-9])")
_WRITTEN = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_EXACT = Context(prec=400)
_DIGITS_MAX = 38
_EXPONENTS = range(-130, 126)


def with_plain_numbers(call: Call) -> Call:
    """Return a call of DynamoDB with its numbers in the form in which ministack keeps them."""
    if call.operation not in _LOOKING:
        return call
    body = call.body
    plain = _NUMBER.sub(lambda found: found[1] + _plain(found[2]), body)
    return call if plain == body else call.with_body(plain)


def _plain(text: bytes) -> bytes:
    """The form of a number; what is none, or is out of range, stays for ministack to refuse."""
    if _PLAIN.fullmatch(text) or not _WRITTEN.fullmatch(text):
        return text
    try:
        number = Decimal(text.decode()).normalize(_EXACT)
    except InvalidOperation:
        return text
    if not number:
        return b"0"
    fits = len(number.as_tuple().digits) <= _DIGITS_MAX and number.adjusted() in _EXPONENTS
    return f"{number:f}".encode() if fits else text
