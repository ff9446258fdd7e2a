"""Stream records: the shape of one, its hash, and the shelf of those of one shard. Pure."""

from bisect import bisect_right
from decimal import Context, Decimal
from hashlib import blake2b
from typing import Any

import orjson

__all__ = ["PAGE_BYTES_MAX", "SERVICE_IDENTITY", "Shelf", "hash_of", "key_bytes", "shape"]

PAGE_BYTES_MAX = 1024 * 1024
"""GetRecords returns at most 1 MB (API reference)."""

_EXACT = Context(prec=40)  # numbers have up to 38 digits; the default of 28 would round them

SERVICE_IDENTITY = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
"""Who deleted an item past its time to live (developer guide, "DynamoDB Streams and Time to Live")."""


def key_bytes(keys: dict[str, Any]) -> bytes:
    """Return the key of an item in one form, whatever the order of its attributes."""
    return orjson.dumps(keys, option=orjson.OPT_SORT_KEYS)


def hash_of(partition_key: dict[str, str]) -> int:
    """Return the 32-bit hash by which items are spread; equal numbers hash alike, however written."""
    ((kind, text),) = partition_key.items()
    if kind == "N":
        text = str(Decimal(text).normalize(_EXACT))
    return int.from_bytes(blake2b(f"{kind}:{text}".encode(), digest_size=4).digest(), "big")


def shape(record: dict[str, Any], number: int, *, by_service: bool) -> bytes:
    """Return an upstream record as GetRecords sends it, with our number and the size of its images."""
    change = record["dynamodb"]
    change["SequenceNumber"] = str(number)
    change["ApproximateCreationDateTime"] = int(change["ApproximateCreationDateTime"])
    images = (change.get(part) for part in ("Keys", "NewImage", "OldImage"))
    change["SizeBytes"] = sum(_size_of_item(image) for image in images if image)
    if by_service:
        record["userIdentity"] = SERVICE_IDENTITY
    # A copy, because these bytes are kept: orjson's own hold on to several times the memory they need.
    return b"%b" % orjson.dumps(record)


def _size_of_item(item: dict[str, Any]) -> int:
    return sum(len(name.encode()) + _size_of(value) for name, value in item.items())


def _size_of(value: dict[str, Any]) -> int:
    # The rules of the developer guide, "DynamoDB item sizes and formats".
    ((kind, content),) = value.items()
    if kind in {"S", "B"}:
        return len(content.encode()) if kind == "S" else len(content) * 3 // 4
    if kind == "N":
        return len(content) // 2 + 1
    if kind in {"SS", "NS", "BS"}:
        return sum(_size_of({kind[0]: element}) for element in content)
    if kind == "L":
        return 3 + sum(1 + _size_of(element) for element in content)
    if kind == "M":
        return 3 + len(content) + _size_of_item(content)
    return 1


class Shelf:
    """The records of one shard, in order of their numbers."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._bodies: list[bytes] = []
        self.trimmed_to = 0
        """The number of the last record that was taken away; 0 where none was."""

    def put(self, number: int, body: bytes) -> None:
        """Add a record that is newer than all others."""
        self._numbers.append(number)
        self._bodies.append(body)

    def count_after(self, number: int) -> int:
        """Return how many records are newer than `number`."""
        return len(self._numbers) - bisect_right(self._numbers, number)

    def page(self, after: int, limit: int) -> tuple[list[bytes], int]:
        """Return at most `limit` records and 1 MB after a number, and the number of the last one."""
        first = bisect_right(self._numbers, after)
        taken: list[bytes] = []
        size = 0
        for body in self._bodies[first : first + limit]:
            size += len(body)
            if taken and size > PAGE_BYTES_MAX:
                break
            taken.append(body)
        return taken, self._numbers[first + len(taken) - 1] if taken else after

    def trim(self, horizon: int) -> None:
        """Take away the records up to and including `horizon`."""
        gone = bisect_right(self._numbers, horizon)
        if gone:
            self.trimmed_to = self._numbers[gone - 1]
            del self._numbers[:gone], self._bodies[:gone]
