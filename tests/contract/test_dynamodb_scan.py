"""The DynamoDB source reads a table as a whole, in resumable pieces, and by key."""

import pytest
from dynamodb_table import aws, table

from replicator.connector import FETCH_KEYS_MAX
from replicator.model.errors import TransientError

__all__ = ["aws", "table"]


def fill(table, count, **attributes):
    """Put many items, and return their keys."""
    keys = [f"key-{number:04d}" for number in range(count)]
    for begin in range(0, count, 25):
        puts = [
            {"PutRequest": {"Item": {"pk": {"S": key}} | attributes}} for key in keys[begin : begin + 25]
        ]
        table.api.batch_write_item(RequestItems={table.name: puts})
    return {(key,) for key in keys}


async def scan_all(source):
    """Every row of every piece, page by page, each page by a new cursor."""
    rows = []
    for piece in await source.pieces():
        cursor = None
        while True:
            page = await source.scan(piece, cursor)
            rows += page.rows
            cursor = page.cursor
            if cursor is None:
                break
    return rows


async def test_the_pieces_cover_every_key_once(table):
    """All pieces together hold each item exactly once, whole."""
    table.create()
    keys = fill(table, 200, n={"N": "1.50"}, b={"B": b"\x00"})
    source = table.source(scan_segments=4)
    assert await source.pieces() == ["0/4", "1/4", "2/4", "3/4"]
    rows = await scan_all(source)
    assert len(rows) == 200
    assert {row.key for row in rows} == keys
    assert all(row.record.attributes["b"] == {"B": b"\x00"} for row in rows)


async def test_a_scan_goes_on_from_a_cursor_in_another_process(table):
    """A cursor given to a second source continues where the first one's page ended."""
    table.create()
    keys = fill(table, 60, body={"S": "x" * 60_000})
    first = await table.source(scan_segments=1).scan("0/1", None)
    assert first.cursor
    assert 0 < len(first.rows) < 60
    rows, cursor, other = list(first.rows), first.cursor, table.source(scan_segments=8)
    while cursor:
        page = await other.scan("0/1", cursor)
        rows, cursor = rows + list(page.rows), page.cursor
    assert sorted(row.key for row in rows) == sorted(keys)


async def test_numbers_and_sort_keys_make_cursors_too(table):
    """Pages of a table with a number key and a binary sort key resume as well."""
    table.create(key_type="N", sort_type="B", read_units=10)
    for number in range(12):
        item = {"pk": {"N": f"{number}.5"}, "sk": {"B": bytes([number])}, "body": {"S": "x" * 3000}}
        table.api.put_item(TableName=table.name, Item=item)
    rows = await scan_all(table.source(scan_segments=1, read_units_per_second_max=4.0))
    assert len({row.key for row in rows}) == len(rows) == 12


async def test_a_scan_of_a_small_table_takes_small_pages(table):
    """A page costs about one second of the table's share at most: one unit per 4 KB, read consistently."""
    table.create(read_units=10)
    fill(table, 20, body={"S": "x" * 3000})
    page = await table.source(scan_segments=1, read_share=0.5).scan("0/1", None)
    assert len(page.rows) == 5


async def test_fetch_reads_by_key(table):
    """Keys that exist come back whole, others are left out, and a key may be named twice."""
    table.create()
    keys = fill(table, FETCH_KEYS_MAX - 1)
    found = await table.source().fetch([*keys, ("absent",)])
    assert found.keys() == keys
    assert found["key-0001",].record.attributes == {"pk": {"S": "key-0001"}}
    twice = await table.source().fetch([("key-0001",), ("key-0001",)])
    assert len(twice) == 1


async def test_a_throttled_scan_says_so(table, aws):
    """A throttle is transient, settled, and named."""
    table.create().put("a")
    await aws.add_fault("throttle", service="dynamodb", operation="Scan", table=table.name)
    source = table.source(scan_segments=1)
    with pytest.raises(TransientError) as caught:
        await source.scan("0/1", None)
    assert (caught.value.reason, caught.value.settled) == ("throttled", True)
    assert len((await source.scan("0/1", None)).rows) == 1


async def test_the_estimate_is_never_a_stale_zero(table):
    """The item count is a figure where the service has one, and None where it says 0."""
    table.create()
    source = table.source()
    assert await source.estimate() is None
    fill(table, 25)
    assert await source.estimate() in (None, 25)
