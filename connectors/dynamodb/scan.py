"""Reading the table itself: scans in segments, and single records."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from connectors.dynamodb import codec
from connectors.dynamodb.allowance import Allowance
from connectors.dynamodb.client import Client, ScanPage
from connectors.dynamodb.config import SourceSettings
from connectors.dynamodb.markers import MarkerKeys
from connectors.dynamodb.table import BYTES_PER_UNIT, Table, scan_units_per_second, table_of
from replicator.model.change import Page, Row
from replicator.model.clock import Clock
from replicator.model.errors import TransientError
from replicator.model.key import Key, key_from_text, key_text
from replicator.model.values import Value

FETCH_TRIES_MAX = 5


class TableReader:
    """Strongly consistent reads of one table, within its allowance. Opens its client at the first use."""

    def __init__(self, client: Client, settings: SourceSettings, clock: Clock) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._table: Table | None = None
        self._allowance: Allowance | None = None

    async def describe(self) -> Table:
        """The table as it is now."""
        await self._client.open()
        self._table = table_of(await self._client.describe_table())
        return self._table

    async def table(self) -> Table:
        """The table as it was described first; a table's key never changes."""
        return self._table or await self.describe()

    def pieces(self) -> Sequence[str]:
        """One piece per segment: ``0/4``, ``1/4`` and so on. A piece names its own total."""
        total = self._settings.scan_segments
        return [f"{segment}/{total}" for segment in range(total)]

    async def scan(self, piece: str, cursor: str | None) -> Page:
        """The next page of a piece; waits for its share of the table's capacity first."""
        schema = (await self.table()).schema
        segment, total = map(int, piece.split("/"))
        start = None if cursor is None else schema.attributes_of(key_from_text(cursor))
        page = await self._scan_within_allowance(segment, total, start)
        markers = MarkerKeys(schema, self._settings.marker_prefix)
        rows = [row for row in codec.rows(schema, page.items) if not markers.holds(row.key)]
        return Page(rows, key_text(schema.key_of(page.last_key)) if page.last_key else None)

    async def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """The records of at most 100 keys; what the service leaves unprocessed is asked for again.

        Raises:
            TransientError: keys were left unprocessed again and again.
        """
        schema = (await self.table()).schema
        left = [schema.attributes_of(key) for key in dict.fromkeys(keys)]
        found: dict[Key, Row] = {}
        for attempt in range(FETCH_TRIES_MAX):
            if not left:
                return found
            await asyncio.sleep(0.05 * (2**attempt - 1))
            items, left = await self._client.batch_get(left)
            found |= {row.key: row for row in codec.rows(schema, items)}
        if left:
            raise TransientError(
                f"BatchGetItem leaves {len(left)} keys out", settled=True, reason="throttled"
            )
        return found

    async def _scan_within_allowance(
        self, segment: int, total: int, start: Mapping[str, Value] | None
    ) -> ScanPage:
        allowance = await self._allowed()
        await asyncio.sleep(allowance.wait_seconds(self._clock.monotonic()))
        try:
            page = await self._client.scan(segment, total, start, allowance.items_max())
        except TransientError as error:
            if error.reason == "throttled":
                allowance.slow_down()
            raise
        units = page.size_bytes / BYTES_PER_UNIT if page.units is None else page.units
        allowance.spend(units, len(page.items), self._clock.monotonic())
        return page

    async def _allowed(self) -> Allowance:
        if self._allowance is None:
            rate = scan_units_per_second(self._settings, await self.table())
            self._allowance = Allowance(rate, self._clock.monotonic())
        return self._allowance
