"""Marks: what a DynamoDB source claims to have read, it has delivered."""

import pytest
from dynamodb_table import Reading, aws, table

from replicator.model.errors import NotConnectedError, PermanentError

__all__ = ["aws", "table"]


async def test_a_mark_comes_after_everything_committed_before_it(table):
    """When a mark's name is seen, every change made before the call has been delivered."""
    table.create()
    reading = Reading(table.source(markers=True))
    await reading.connect()
    for turn in range(3):
        table.put(*(f"{turn}-{key}" for key in range(20)))
        name = await reading.source.mark()
        table.put("later")
        await reading.until(lambda name=name: name in reading.marks)
        delivered = {change.key[0] for change in reading.changes}
        assert delivered >= {f"{turn}-{key}" for key in range(20)}


async def test_the_start_is_a_mark(table):
    """With markers a source starts behind what a scan will see, and misses nothing after it."""
    table.create().put(*(f"before-{key}" for key in range(10)))
    reading = Reading(table.source(markers=True))
    start = await reading.connect()
    assert start.open_partitions == set(start.positions)
    assert not [text for text in start.positions.values() if "LATEST" in text or "HORIZON" in text]
    table.put(*(f"after-{key}" for key in range(10)))
    await reading.until(lambda: len(reading.changes) >= 10)
    assert {change.key[0] for change in reading.changes} == {f"after-{key}" for key in range(10)}


async def test_the_start_can_be_resumed_before_anything_was_read(table):
    """The positions of a marked start are good for a restart."""
    table.create()
    first = Reading(table.source(markers=True))
    await first.connect()
    await first.source.close()
    table.put("a")
    second = Reading(table.source(markers=True))
    await second.connect(first.positions)
    await second.until(lambda: second.changes)
    assert second.changes[0].key == ("a",)


async def test_a_mark_holds_over_splits(table, aws):
    """Marks taken while shards split are proved over the children too."""
    table.create()
    reading = Reading(table.source(markers=True))
    await reading.connect()
    for turn in range(3):
        table.put(*(f"{turn}-{key}" for key in range(10)))
        name = await reading.source.mark()
        await aws.split(table.name)
        table.put(*(f"{turn}-{key}" for key in range(10, 20)))
        again = await reading.source.mark()
        await reading.until(lambda name=name: name in reading.marks)
        await reading.until(lambda again=again: again in reading.marks)
        assert {change.key[0] for change in reading.changes} >= {f"{turn}-{key}" for key in range(20)}


async def test_marks_asked_for_at_once_share_their_markers(table):
    """Ten marks at once cost no more markers than a few."""
    table.create()
    reading = Reading(table.source(markers=True))
    await reading.connect()
    names = {await reading.source.mark() for _ in range(10)}
    await reading.until(lambda: names <= reading.marks)
    items = table.api.scan(TableName=table.name)["Items"]
    assert len(items) <= 16 + 10 * 4


async def test_markers_are_written_again_instead_of_new_ones(table):
    """Once each shard has its marker, further marks add no item to the table."""
    table.create()
    reading = Reading(table.source(markers=True))
    await reading.connect()
    counted = table.api.scan(TableName=table.name)["Count"]
    for _ in range(3):
        name = await reading.source.mark()
        await reading.until(lambda name=name: name in reading.marks)
    assert table.api.scan(TableName=table.name)["Count"] == counted


@pytest.mark.parametrize(("key_type", "sort_type"), [("S", "N"), ("N", None), ("B", "B")])
async def test_markers_fit_the_key_and_never_leave_the_source(table, key_type, sort_type):
    """Whatever the key's types, markers are neither delivered nor scanned."""
    table.create(key_type=key_type, sort_type=sort_type)
    reading = Reading(table.source(markers=True, scan_segments=1))
    await reading.connect()
    name = await reading.source.mark()
    await reading.until(lambda: name in reading.marks)
    assert not reading.changes
    assert table.api.scan(TableName=table.name)["Count"] > 0
    assert not (await reading.source.scan("0/1", None)).rows


async def test_markers_that_may_not_be_written_stop_the_source(table, aws):
    """A refused marker is a permanent error with a hint, not a mark that never comes."""
    table.create()
    reading = Reading(table.source(markers=True))
    await reading.connect()
    await aws.add_fault("error", operation="PutItem", status=400, code="AccessDeniedException", count=None)
    await reading.source.mark()
    with pytest.raises(PermanentError, match="AccessDenied") as caught:
        await reading.until(lambda: False)
    assert "dynamodb:PutItem" in caught.value.hint


async def test_a_mark_wants_a_connection(table):
    """Without a connection there is no change flow to mark."""
    with pytest.raises(NotConnectedError):
        await table.source(markers=True).mark()
