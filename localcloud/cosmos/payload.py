"""JSON as the service reads it: numbers are IEEE doubles, and what it cannot hold is refused.

Limits are from "Azure Cosmos DB service quotas": item 2 MB, id 1,023 bytes, nesting 128 levels.
"""

import re
from typing import Any

import orjson

from localcloud.cosmos.errors import RefusedError, bad_request, too_large

ITEM_BYTES_MAX = 2 * 1024 * 1024
ID_BYTES_MAX = 1023
NESTING_MAX = 128
TTL_SECONDS_MAX = 2**31 - 1
SYSTEM_FIELDS = ("_rid", "_self", "_etag", "_attachments", "_ts", "_lsn")

_EXACT_MAX = 2**53
_CHANGING = frozenset((dict, list, int, float))
# A number that is not a short integer. It may match inside a string too; that costs time only.
_LONG_OR_FRACTIONAL = re.compile(rb"[:\[,]\s*-?(?:\d{16}|\d+[.eE])")


def parse(body: bytes) -> Any:
    """Return the JSON value of a request, with every number rounded to a double.

    Raises:
        RefusedError: 400 for what is not JSON (NaN and Infinity are not), or nested too deeply.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"The request payload is invalid: {error}") from None
    if body.count(b"{") + body.count(b"[") > NESTING_MAX and _depth(value) > NESTING_MAX:
        raise bad_request(f"The input is nested deeper than {NESTING_MAX} levels")
    return as_doubles(value) if _LONG_OR_FRACTIONAL.search(body) else value


def as_doubles(value: Any) -> Any:
    """Return the value with its numbers as JavaScript would hold and print them, changed in place.

    2**53 + 1 becomes 2**53, and 1.0 becomes 1, because a double does not know the difference.
    """
    kind = type(value)
    if kind is dict:
        for key, item in value.items():
            if type(item) in _CHANGING:
                value[key] = as_doubles(item)
    elif kind is list:
        value[:] = [as_doubles(item) if type(item) in _CHANGING else item for item in value]
    elif kind is int or kind is float:
        return _as_double(value)
    return value


def _as_double(number: float) -> Any:
    if isinstance(number, int) and -_EXACT_MAX <= number <= _EXACT_MAX:
        return number
    double = float(number)
    if abs(double) == float("inf"):
        raise bad_request("The input contains a number beyond the range of a double")
    if not double.is_integer() or abs(double) >= 2**63:
        return double
    return int(double)


def _depth(value: Any) -> int:
    """Return the nesting of arrays and objects, level by level rather than by recursion."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    return depth


def checked_item(item: Any) -> dict[str, Any]:
    """Return an item's own properties, with the system's taken out.

    Raises:
        RefusedError: 400 for a missing or illegal id or ttl, or what is not an object.
    """
    if not isinstance(item, dict):
        raise bad_request("An item has to be a JSON object")
    if "id" not in item:
        raise bad_request("The required properties - 'id; ' - are missing")
    check_id(item["id"])
    if "ttl" in item:
        _check_ttl(item["ttl"])
    for name in SYSTEM_FIELDS:
        item.pop(name, None)
    return item


def encoded(item: dict[str, Any]) -> bytes:
    """Return an item as UTF-8 JSON.

    Raises:
        RefusedError: 413 beyond 2 MB.
    """
    body = orjson.dumps(item)
    if len(body) > ITEM_BYTES_MAX:
        raise too_large("The size of the item is beyond 2 MB")
    return body


def check_id(identifier: Any) -> None:
    """Refuse an id that is no string, empty, longer than 1,023 bytes, or has ``/`` or a backslash."""
    if not isinstance(identifier, str) or not identifier:
        raise bad_request("The property 'id' has to be a string that is not empty")
    if "/" in identifier or "\\" in identifier:
        raise bad_request("The id contains '/' or '\\', which are illegal")
    if len(identifier) > ID_BYTES_MAX // 4 and len(identifier.encode()) > ID_BYTES_MAX:
        raise bad_request(f"The id is longer than {ID_BYTES_MAX} bytes")


def _check_ttl(ttl: Any) -> None:
    whole = isinstance(ttl, int) and not isinstance(ttl, bool)
    if not whole or not (ttl == -1 or 0 < ttl <= TTL_SECONDS_MAX):
        raise _bad_ttl(ttl)


def check_default_ttl(ttl: Any) -> None:
    """Refuse a container's ``defaultTtl`` that is neither absent, -1 nor a positive 32-bit integer."""
    if ttl is not None:
        _check_ttl(ttl)


def _bad_ttl(ttl: Any) -> RefusedError:
    return bad_request(f"The ttl '{ttl}' is invalid: it has to be a positive 32-bit integer or -1")
