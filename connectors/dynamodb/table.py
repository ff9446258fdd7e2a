"""What DescribeTable says, as far as a source needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.dynamodb.codec import KeySchema, key_schema
from connectors.dynamodb.config import SourceSettings
from connectors.dynamodb.errors import stream_off, wrong_view

ON_DEMAND_UNITS = 40_000.0
"""Default quota of an on-demand table, read units per second (DynamoDB developer guide, "Quotas")."""

BYTES_PER_UNIT = 4096
"""What one unit reads, strongly consistently (DynamoDB developer guide, "Read/write capacity mode")."""

WHOLE_VIEWS = ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its key, its stream (None where there is none), its capacity, its size, its indexes' names.

    ``read_units`` is per second; ``items`` and ``size_bytes`` are renewed by the service about every six
    hours only.
    """

    name: str
    status: str
    schema: KeySchema
    stream: str | None
    view: str | None
    read_units: float
    items: int
    size_bytes: int = 0
    indexes: tuple[str, ...] = ()

    def whole_stream(self) -> str:
        """The ARN of its stream.

        Raises:
            PermanentError: the stream is off, or does not carry new images.
        """
        if self.stream is None or self.view is None:
            raise stream_off(self.name)
        if self.view not in WHOLE_VIEWS:
            raise wrong_view(self.name, self.view)
        return self.stream


def table_of(description: Mapping[str, Any]) -> Table:
    """The table in a DescribeTable answer."""
    stream = description.get("StreamSpecification") or {}
    enabled = bool(stream.get("StreamEnabled"))
    provisioned = description.get("ProvisionedThroughput") or {}
    return Table(
        name=description["TableName"],
        status=description.get("TableStatus", "ACTIVE"),
        schema=key_schema(description),
        stream=description.get("LatestStreamArn") if enabled else None,
        view=stream.get("StreamViewType") if enabled else None,
        read_units=float(provisioned.get("ReadCapacityUnits") or ON_DEMAND_UNITS),
        items=int(description.get("ItemCount") or 0),
        size_bytes=int(description.get("TableSizeBytes") or 0),
        indexes=tuple(
            index["IndexName"]
            for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
            for index in description.get(kind) or ()
        ),
    )


def scan_units_per_second(settings: SourceSettings, table: Table) -> float:
    """What scans may use."""
    return settings.read_units_per_second_max or table.read_units * settings.read_share


def scan_hours(settings: SourceSettings, table: Table) -> float:
    """How long one scan of the whole table takes at least, by the size that the service tells."""
    return table.size_bytes / BYTES_PER_UNIT / scan_units_per_second(settings, table) / 3600
