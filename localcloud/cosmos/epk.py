"""Effective partition keys: where a partition key value lies between "" and "FF".

The service hashes a partition key value and cuts the space of hashes into physical ranges; the SDK
computes the same hash to route a call. Version 2 (MurmurHash3, 128 bits) is written out here because
the SDK's own, made of integer objects, takes ten times as long; a test compares the two. Version 1
is the SDK's. Keys are compared as bytes, which orders them as their hexadecimal form does.
"""

import struct
from typing import Any

from azure.cosmos.partition_key import PartitionKey, _to_hex_encoded_binary_string_v1

_MASK = 0xFFFFFFFFFFFFFFFF
_C1 = 0x87C37B91114253D5
_C2 = 0x4CF5AD432745937F


def effective_partition_key(value: Any, version: int) -> bytes:
    """Return the effective partition key of one value.

    Args:
        value: null, a boolean, a number, a string, or ``{}`` for an item without the property.
        version: of the container's partition key definition, 1 or 2.
    """
    if version == 1:
        text = PartitionKey._get_hashed_partition_key_string([value], "Hash", 1)  # noqa: SLF001 - the SDK's hash has no public name
        return bytes.fromhex(str(text))
    low, high = _murmur3_128(_hashed_form(value))
    hashed = (high << 64 | low).to_bytes(16, "big")
    # The two highest bits are cleared so that every key lies below the exclusive end "FF".
    return bytes((hashed[0] & 0x3F,)) + hashed[1:]


def range_bounds(count: int, version: int) -> list[bytes]:
    """Return the ``count + 1`` bounds of equally large physical ranges, from nothing to ``FF``."""
    inner = [_bound(index / count, version) for index in range(1, count)]
    return [b"", *inner, b"\xff"]


def _bound(share: float, version: int) -> bytes:
    if version == 1:
        return bytes.fromhex(_to_hex_encoded_binary_string_v1([float(int(share * 2**32))]))
    return int(share * 2**126).to_bytes(16, "big")


def _hashed_form(value: Any) -> bytes:
    if isinstance(value, str):
        return b"\x08" + value.encode() + b"\xff"
    if value is None:
        return b"\x01"
    if isinstance(value, bool):
        return b"\x03" if value else b"\x02"
    if isinstance(value, int | float):
        return b"\x05" + struct.pack("<d", value)
    return b"\x00"


def _mix(value: int) -> int:
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD & _MASK
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & _MASK
    return value ^ value >> 33


def _scramble(word: int, first: int, shift: int, second: int) -> int:
    word = word * first & _MASK
    return (word << shift | word >> (64 - shift)) * second & _MASK


def _murmur3_128(data: bytes) -> tuple[int, int]:
    """Return the low and the high half of MurmurHash3 x64 128 with seed 0."""
    low = high = 0
    whole = len(data) & ~15
    for k1, k2 in struct.iter_unpack("<QQ", data[:whole]):
        low ^= _scramble(k1, _C1, 31, _C2)
        low = (((low << 27 | low >> 37) + high) * 5 + 0x52DCE729) & _MASK
        high ^= _scramble(k2, _C2, 33, _C1)
        high = (((high << 31 | high >> 33) + low) * 5 + 0x38495AB5) & _MASK
    tail = data[whole:].ljust(16, b"\0")
    high ^= _scramble(int.from_bytes(tail[8:], "little"), _C2, 33, _C1)
    low ^= _scramble(int.from_bytes(tail[:8], "little"), _C1, 31, _C2)
    low = ((low ^ len(data)) + (high ^ len(data))) & _MASK
    high = ((high ^ len(data)) + low) & _MASK
    low, high = _mix(low), _mix(high)
    low = (low + high) & _MASK
    return low, (high + low) & _MASK
