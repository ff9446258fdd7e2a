"""What is particular to the memory source: trimming, forgetting, divisions, marks and late changes."""

import pytest

from connectors.memory import MarkedMemorySource, MemorySource, MemorySourceSettings, MemoryTable
from connectors.memory.codec import Place, place_of, position_of
from replicator.model.errors import PositionLostError

SETTINGS = MemorySourceSettings(table="orders", poll_seconds=0.01, page_changes_max=5)


def filled(table, numbers):
    """The table, with one more row per number."""
    for number in numbers:
        table.put(("group", str(number)), {"v": {"N": str(number)}})
    return table


async def read_changes(source, count):
    """Read until so many changes have come, and return the positions after them."""
    positions, found = {}, 0
    while found < count:
        batch = await source.read()
        positions[batch.partition] = batch.position
        positions |= dict(batch.opened or {})
        found += len(batch.changes)
    return positions


@pytest.mark.parametrize("place", [Place(0), Place(12), Place(12, ended=True)])
def test_a_position_reads_back(place):
    """A place and its text stand for each other."""
    assert place_of(position_of(place)) == place


async def test_a_trimmed_position_is_lost():
    """Resuming before what is still kept raises, and never skips."""
    table = filled(MemoryTable(shards=1), range(3))
    source = MemorySource(table, SETTINGS)
    start = await source.connect(None)
    table.trim(table.clock.wall() + 1)
    with pytest.raises(PositionLostError):
        await source.connect(start.positions)


async def test_trimming_under_a_reader_is_noticed():
    """A source that is connected while its log is trimmed raises at its next read."""
    table = filled(MemoryTable(shards=1), range(3))
    source = MemorySource(table, SETTINGS)
    await source.connect(None)
    table.trim(table.clock.wall() + 1)
    with pytest.raises(PositionLostError):
        await source.read()


async def test_a_shard_gone_before_its_end_is_lost():
    """A position in a shard that no longer exists is lost, unless it was at the shard's end."""
    source = MemorySource(MemoryTable(shards=1), SETTINGS)
    with pytest.raises(PositionLostError):
        await source.connect({"shard-gone": "3"})
    start = await source.connect({"shard-gone": "3.end"})
    assert set(start.positions) == {"shard-0000"}


async def test_an_ended_shard_is_forgotten_once_it_is_gone():
    """When a closed shard was read, committed and dropped, a batch says that its position may go."""
    table = filled(MemoryTable(shards=1, forgets_committed=True), range(3))
    source = MemorySource(table, SETTINGS)
    await source.connect(None)
    table.split("shard-0000")
    positions = await read_changes(source, 3)
    assert positions["shard-0000"] == "3.end"
    await source.commit(positions)
    forgotten = []
    while not forgotten:
        forgotten.extend((await source.read()).forgotten)
    assert forgotten == ["shard-0000"]


async def test_a_source_without_marks_starts_at_the_oldest_entry():
    """Without a mark nothing newer than the oldest entry is known to be safe."""
    source = MemorySource(filled(MemoryTable(shards=1), range(3)), SETTINGS)
    assert (await source.connect(None)).positions == {"shard-0000": "0"}


async def test_a_source_with_marks_starts_where_the_table_stands():
    """With marks the start is now, also in shards that are closed already."""
    table = filled(MemoryTable(shards=1), range(3))
    table.split("shard-0000")
    start = await MarkedMemorySource(table, SETTINGS).connect(None)
    assert start.positions == {"shard-0000": "3.end", "shard-0001": "0", "shard-0002": "0"}
    assert start.open_partitions == {"shard-0001", "shard-0002"}


async def test_a_late_change_is_not_read_before_its_time():
    """A change that is not visible yet is no reason to call the shard read up to now."""
    table = filled(MemoryTable(shards=1, delay_seconds=30.0), range(1))
    source = MemorySource(table, SETTINGS)
    await source.connect(None)
    batch = await source.read()
    assert batch.changes == []
    assert batch.read_to <= table.clock.wall() - 30.0
    assert (await source.backlog()).changes == 1


async def test_a_mark_swallowed_by_a_reconnect_is_never_seen():
    """Connecting again forgets the marks that were under way."""
    source = MarkedMemorySource(MemoryTable(shards=1), SETTINGS)
    start = await source.connect(None)
    mark = await source.mark()
    await source.connect(start.positions)
    assert mark not in (await source.read()).marks
