"""Looking at a table and its stream before anything is copied, changing nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence

from connectors.dynamodb.client import Client
from connectors.dynamodb.config import SourceSettings
from connectors.dynamodb.lineage import lineage_of
from connectors.dynamodb.markers import MarkerKeys
from connectors.dynamodb.table import Table, scan_hours, table_of
from replicator.connector import Finding, Severity
from replicator.model.errors import ReplicatorError, TransientError

LONG_SCAN_HOURS = 4.0
"""A backfill that takes longer is worth a word."""


async def probe(client: Client, settings: SourceSettings) -> Sequence[Finding]:
    """What stands in the way, and what is worth knowing."""
    try:
        await client.open()
        table = table_of(await client.describe_table())
    except ReplicatorError as error:
        return [_error(error)]
    markers = MarkerKeys(table.schema, settings.marker_prefix)
    findings = await _failures(
        lambda: _probe_stream(client, table),
        lambda: client.scan(0, settings.scan_segments, None, 1),
        lambda: client.batch_get([table.schema.attributes_of(markers.key(0))]),
    )
    if settings.markers:
        name = table.schema.fields[0].name
        findings += await _failures(lambda: client.try_put(markers.item(0, ""), name))
    return [*findings, *remarks_on(table, settings), *await _of_expiry(client)]


async def _failures(*attempts: Callable[[], Awaitable[object]]) -> list[Finding]:
    findings = []
    for attempt in attempts:
        try:
            await attempt()
        except ReplicatorError as error:
            findings.append(_error(error))
    return findings


async def _probe_stream(client: Client, table: Table) -> None:
    """Read one record of one shard, as the source will."""
    stream = table.whole_stream()
    lineage = lineage_of(await client.describe_stream(stream))
    for shard in lineage.open_leaves()[:1]:
        iterator = await client.shard_iterator(stream, shard, {"ShardIteratorType": "LATEST"})
        if iterator is not None:
            await client.get_records(iterator, limit=1)


def remarks_on(table: Table, settings: SourceSettings) -> Iterator[Finding]:
    """What its description says that is worth knowing. Pure."""
    if table.status != "ACTIVE":
        yield _warning(f"table {table.name} is {table.status}", "wait until it is ACTIVE")
    hours = scan_hours(settings, table)
    if hours > LONG_SCAN_HOURS:
        yield _warning(
            f"a scan of the table's {table.size_bytes / 1e9:,.1f} GB takes about {hours:,.0f} hours",
            "raise read_share or read_units_per_second_max for the backfill, as far as the workload "
            "leaves room",
        )
    if table.indexes:
        yield _warning(
            f"the table has secondary indexes, which are not copied: {', '.join(table.indexes)}",
            "what is queried by them needs an index or a copy of its own at the sink",
        )
    if not settings.markers:
        yield _warning(
            "markers are off: what has been read is known by time only",
            "set markers: true if the workload's stream consumers can ignore a marker item",
        )


async def _of_expiry(client: Client) -> list[Finding]:
    try:
        expiring = await client.time_to_live_attribute()
    except ReplicatorError as error:
        return [_warning(error.message, error.hint)]
    if expiring is None:
        return []
    return [
        _warning(
            f"items expire by the attribute {expiring}",
            "the removals are replicated, up to two days after the time that the attribute names; for "
            "items to expire after the cutover, too, name it to the sink (ttl_attribute)",
        )
    ]


def _error(error: ReplicatorError) -> Finding:
    passing = isinstance(error, TransientError)
    return Finding(Severity.ERROR, error.message, error.hint, passing=passing)


def _warning(message: str, hint: str) -> Finding:
    return Finding(Severity.WARNING, message, hint)
