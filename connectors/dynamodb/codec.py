"""Items, keys and stream records: DynamoDB's form to the neutral one and back. Pure.

The neutral form is DynamoDB's own typed notation with ``bytes`` for binary, which is what the client
delivers, so attributes are passed through and never copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, cast

from replicator.model.change import Change, Kind, Row
from replicator.model.errors import ChangeError
from replicator.model.key import Key, KeyPart, key_text, number_text
from replicator.model.record import Item
from replicator.model.values import Value

KeyType = Literal["S", "N", "B"]


@dataclass(frozen=True, slots=True)
class KeyField:
    """One attribute of the table's key."""

    name: str
    type: KeyType


@dataclass(frozen=True, slots=True)
class KeySchema:
    """The table's key: the partition key, and the sort key where there is one."""

    fields: tuple[KeyField, ...]

    def key_of(self, attributes: Mapping[str, Value]) -> Key:
        """The key within an item's attributes, or of a bare key."""
        return tuple(_part(attributes[field.name]) for field in self.fields)

    def attributes_of(self, key: Key) -> dict[str, Value]:
        """The key as the service takes it.

        Raises:
            ChangeError: the table's keys have other parts.
        """
        if [field.type for field in self.fields] != [_type(part) for part in key]:
            parts = ", ".join(f"{field.name} ({field.type})" for field in self.fields)
            raise ChangeError(f"{key_text(key)} is no key of the table, whose keys are {parts}")
        return {field.name: _value(field, part) for field, part in zip(self.fields, key, strict=True)}


def key_schema(table: Mapping[str, Any]) -> KeySchema:
    """The key in a DescribeTable answer; the partition key comes first."""
    types = {field["AttributeName"]: field["AttributeType"] for field in table["AttributeDefinitions"]}
    ordered = sorted(table["KeySchema"], key=lambda field: field["KeyType"] != "HASH")
    names = [field["AttributeName"] for field in ordered]
    return KeySchema(tuple(KeyField(name, cast(KeyType, types[name])) for name in names))


def rows(schema: KeySchema, items: Iterable[Mapping[str, Value]]) -> list[Row]:
    """Items of a scan or a read."""
    return [Row(schema.key_of(item), Item(item)) for item in items]


def changes(schema: KeySchema, records: Sequence[Mapping[str, Any]]) -> list[Change]:
    """Stream records, in their order; INSERT and MODIFY need their new image.

    Raises:
        KeyError: a record has no new image, which the view type rules out.
    """
    return [_change(schema, record) for record in records]


def _change(schema: KeySchema, record: Mapping[str, Any]) -> Change:
    data = record["dynamodb"]
    key = schema.key_of(data["Keys"])
    created_at = data["ApproximateCreationDateTime"]
    if record["eventName"] == "REMOVE":
        return Change(Kind.DELETE, key, None, created_at)
    return Change(Kind.UPSERT, key, Item(data["NewImage"]), created_at)


def _part(value: Value) -> KeyPart:
    ((tag, body),) = value.items()
    return Decimal(body) if tag == "N" else cast(KeyPart, body)


def _type(part: KeyPart) -> KeyType:
    return "S" if isinstance(part, str) else "B" if isinstance(part, bytes) else "N"


def _value(field: KeyField, part: KeyPart) -> Value:
    return {field.type: _number(part) if isinstance(part, Decimal) else part}


def _number(number: Decimal) -> str:
    """Plain digits where they are few, as people and other implementations write them."""
    return format(Decimal(number_text(number)), "f") if abs(number.adjusted()) < 38 else number_text(number)
