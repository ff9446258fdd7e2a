"""The keys of marker items, and what a marker says. Pure.

A marker is an item of ours in the source's table. Its partition key begins with a reserved prefix; in a
table with a number as partition key it lies in a reserved range of 10^12 negative numbers of 25 digits,
computed from the prefix. Scans and streams leave such keys out, whoever wrote them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal

from connectors.dynamodb.codec import KeySchema
from replicator.model.key import Key, KeyPart
from replicator.model.values import Value

_ORDINALS = 10**12
_SAYING = "replicator_mark"


class MarkerKeys:
    """The marker keys of one table; ``ordinal`` counts them from 0."""

    def __init__(self, schema: KeySchema, prefix: str) -> None:
        self.schema = schema
        self._text = prefix
        self._bytes = prefix.encode()
        digest = int.from_bytes(hashlib.sha256(self._bytes).digest()[:8], "big")
        self._range = 10**12 + digest % 10**12

    def key(self, ordinal: int) -> Key:
        """The key of a marker; a sort key is the same for all."""
        first, *rest = self.schema.fields
        sort = tuple(self._part(field.type, 0) for field in rest)
        return (self._part(first.type, ordinal), *sort)

    def holds(self, key: Key) -> bool:
        """Whether the key is one of a marker."""
        part = key[0]
        if isinstance(part, str):
            return part.startswith(self._text)
        if isinstance(part, bytes):
            return part.startswith(self._bytes)
        return part < -_ORDINALS and -int(part) // _ORDINALS == self._range

    def ordinal(self, key: Key) -> int:
        """Which marker it is; -1 for a key in the reserved range that ``key`` never makes."""
        part = key[0]
        if isinstance(part, Decimal):
            return -int(part) % _ORDINALS
        text = (
            part[len(self._text) :] if isinstance(part, str) else part[len(self._bytes) :].decode("latin-1")
        )
        return int(text) if text.isascii() and text.isdigit() else -1

    def item(self, ordinal: int, token: str) -> dict[str, Value]:
        """The marker as it is written; every token makes it another item, so that the stream shows it."""
        return self.schema.attributes_of(self.key(ordinal)) | {_SAYING: {"S": token}}

    def _part(self, kind: str, ordinal: int) -> KeyPart:
        if kind == "S":
            return f"{self._text}{ordinal}"
        if kind == "B":
            return self._bytes + str(ordinal).encode()
        return Decimal(-(self._range * _ORDINALS + ordinal))


def token_of(attributes: Mapping[str, Value]) -> str:
    """What a marker says; empty where it is no marker of a form we know."""
    return str(attributes.get(_SAYING, {}).get("S", ""))
