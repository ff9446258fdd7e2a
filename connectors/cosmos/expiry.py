"""An item's time to live, as Cosmos DB counts it. Pure.

DynamoDB expires an item at a time that one of its attributes names, in seconds since the epoch; Cosmos DB
so many seconds after a document's last write (``ttl``), and only while the container's default time to
live is not off. So every write carries the seconds that are left then, beside the exact attribute.

Sources: DynamoDB developer guide, "Using time to live (TTL)";
learn.microsoft.com/azure/cosmos-db/nosql/time-to-live.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from replicator.model.record import Item

TTL_SECONDS_MAX = 2**31 - 1
"""The longest time to live that the service takes; what lies further ahead has none, and never expires."""

IGNORED_AFTER_SECONDS = 5 * 365 * 24 * 3600
"""DynamoDB takes a time that lies further back than this for a mistake, and keeps the item."""


class Expiry(NamedTuple):
    """By which attribute items expire, and what time it is, in seconds since the epoch."""

    attribute: str
    now: float

    def seconds_left(self, item: Item) -> int | None:
        """The ``ttl`` of a document that is written now; None where the item does not expire.

        Rounded up, so that nothing expires early; an item whose time has passed has one second left.
        """
        value = item.attributes.get(self.attribute)
        if value is None or "N" not in value:
            return None
        left = float(value["N"]) - self.now
        if not -IGNORED_AFTER_SECONDS <= left <= TTL_SECONDS_MAX:
            return None
        return max(1, math.ceil(left))
