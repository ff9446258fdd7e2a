"""The DynamoDB source delivers all of a stream's changes, in order, over splits, expiry and restarts."""

import re
import time

import pytest
from dynamodb_table import Reading, aws, table

from replicator.connector import Backlogs, Estimates, Marks, Probes, Reads, Retains, Scans, Source
from replicator.model.errors import NotConnectedError, PositionLostError

__all__ = ["aws", "table"]


def keys_of(changes):
    """The partition keys of changes."""
    return {change.key[0] for change in changes}


def test_abilities_are_told_by_type(table):
    """A source has marks only where markers are allowed, and never a backlog."""
    plain, marked = table.source(), table.source(markers=True)
    for source in (plain, marked):
        assert isinstance(source, Source)
        assert isinstance(source, Scans)
        assert isinstance(source, Reads)
        assert isinstance(source, Estimates)
        assert isinstance(source, Retains)
        assert isinstance(source, Probes)
        assert not isinstance(source, Backlogs)
    assert isinstance(marked, Marks)
    assert not isinstance(plain, Marks)


async def test_without_markers_the_start_is_the_oldest_record(table):
    """Changes made before the first connection are delivered too."""
    table.create().put("before")
    reading = Reading(table.source())
    await reading.connect()
    table.put("after")
    await reading.until(lambda: keys_of(reading.changes) == {"before", "after"})


async def test_changes_carry_whole_records_and_deletes(table):
    """Puts and updates come as upserts with the new image, removals as deletes, in the key's order."""
    table.create()
    reading = Reading(table.source())
    await reading.connect()
    for number in range(5):
        table.put(
            "a", n={"N": str(number)}, blob={"B": b"\x00\xff"}, nested={"M": {"b": {"BS": [b"\x01"]}}}
        )
    table.put("gone")
    table.delete("gone")
    await reading.until(lambda: len(reading.changes) >= 7)
    numbers = [c.record.attributes["n"]["N"] for c in reading.changes if c.key == ("a",)]
    assert numbers == ["0", "1", "2", "3", "4"]
    assert reading.state == {
        ("a",): {
            "pk": {"S": "a"},
            "n": {"N": "4"},
            "blob": {"B": b"\x00\xff"},
            "nested": {"M": {"b": {"BS": [b"\x01"]}}},
        }
    }


async def test_children_follow_their_parents(table, aws):
    """Over splits, every key's changes stay in order and a child comes after its parent's last batch."""
    table.create()
    reading = Reading(table.source())
    await reading.connect()
    for number in range(12):
        table.put(*(f"k{key}" for key in range(8)), n={"N": str(number)})
        if number % 4 == 3:
            await aws.split(table.name)
    await reading.until(lambda: len(reading.changes) == 12 * 8)
    await reading.until(lambda: sum(batch.ended for batch in reading.batches) == 3)
    for key in range(8):
        numbers = [c.record.attributes["n"]["N"] for c in reading.changes if c.key == (f"k{key}",)]
        assert numbers == [str(number) for number in range(12)]
    opened_at = {
        child: index for index, batch in enumerate(reading.batches) for child in batch.opened or {}
    }
    for index, batch in enumerate(reading.batches):
        assert opened_at.get(batch.partition, -1) <= index


async def test_a_new_connection_reads_on_from_the_positions(table, aws):
    """A second source, given the first one's positions over a split, delivers exactly what is new."""
    table.create().put("a", "b", "c")
    first = Reading(table.source())
    await first.connect()
    await first.until(lambda: len(first.changes) == 3)
    await first.source.close()
    table.put("d")
    await aws.split(table.name)
    table.put("e", "f")
    second = Reading(table.source())
    await second.connect(first.positions)
    await second.until(lambda: len(second.changes) == 3)
    assert keys_of(second.changes) == {"d", "e", "f"}


async def test_an_expired_iterator_is_renewed(table, aws):
    """Iterators that expire cost neither a change nor a repetition."""
    table.create().put("a")
    reading = Reading(table.source())
    await reading.connect()
    await reading.until(lambda: len(reading.changes) == 1)
    await aws.expire_iterators()
    table.put("b")
    await reading.until(lambda: len(reading.changes) == 2)
    assert [change.key for change in reading.changes] == [("a",), ("b",)]
    assert not reading.troubles


async def test_a_trimmed_position_is_lost(table, aws):
    """A position whose successors the stream has forgotten stops loudly and names the way out."""
    table.create().put("a", "b")
    reading = Reading(table.source())
    await reading.connect()
    await reading.until(lambda: len(reading.changes) == 2)
    await reading.source.close()
    table.put("c", "d", "e", "f")
    await aws.trim(table.name)
    with pytest.raises(PositionLostError) as caught:
        await table.source().connect(reading.positions)
    assert "--new-backfill" in caught.value.hint


async def test_a_vanished_shard_is_a_lost_position(table, aws):
    """A shard that was not read to its end and is no longer listed is a lost position."""
    table.create()
    reading = Reading(table.source())
    await reading.connect()
    await reading.source.close()
    await aws.split(table.name)
    await aws.drop_closed(table.name)
    with pytest.raises(PositionLostError, match="not read to its end"):
        await table.source().connect(reading.positions)


async def test_an_unread_shard_older_than_the_stream_keeps_is_a_lost_position(table):
    """TRIM_HORIZON never fails at the service, so a start that waited for a day is refused here."""
    table.create()
    reading = Reading(table.source())
    await reading.connect()
    before = str(int(time.time()) - 25 * 3600)
    old = {shard: re.sub(r" \d+ ", f" {before} ", text) for shard, text in reading.positions.items()}
    with pytest.raises(PositionLostError, match="older than the stream keeps"):
        await table.source().connect(old)


async def test_another_stream_is_a_lost_position(table):
    """Positions of a stream that was switched off and on again do not fit the new one."""
    table.create()
    reading = Reading(table.source())
    await reading.connect()
    positions = {
        shard: text.replace("stream/", "stream/old-", 1) for shard, text in reading.positions.items()
    }
    with pytest.raises(PositionLostError, match="another stream"):
        await table.source().connect(positions)


async def test_quiet_shards_renew_what_they_prove(table, aws):
    """Every quiet open shard says again and again that it was read, and never by one empty page alone."""
    table.create()
    reading = Reading(table.source())
    start = await reading.connect()
    began = time.time()
    await reading.until(lambda: all(_renewals(reading, shard) >= 2 for shard in start.open_partitions))
    first = min(batch.read_to for batch in reading.batches if batch.read_to)
    assert first >= began - 1
    assert time.time() - began >= 0.4


def _renewals(reading, shard):
    return len({batch.read_to for batch in reading.batches if batch.partition == shard and batch.read_to})


async def test_read_wants_a_connection(table):
    """Reading before connecting, and after closing, says so."""
    table.create()
    source = table.source()
    with pytest.raises(NotConnectedError):
        await source.read()
    await source.connect(None)
    await source.close()
    with pytest.raises(NotConnectedError):
        await source.read()
