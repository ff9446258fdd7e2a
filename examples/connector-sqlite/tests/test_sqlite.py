"""What the contract cannot know: which abilities there are, and what SQLite's troubles become."""

import asyncio
import sqlite3

import pytest
from replicator import connector as abilities
from replicator.connector import Context
from replicator.model.change import Change, Kind
from replicator.model.errors import PermanentError, PositionLostError, TransientError
from replicator.model.record import Item

from replicator_sqlite import SqliteSinkSettings, SqliteSourceSettings, open_sink, open_source

CHANGE = Change(Kind.UPSERT, ("order-1",), Item({"total": {"N": "12.50"}}), 0.0)


@pytest.fixture
async def sink(tmp_path):
    """A sink into a new file, connected, whose calls may take a fifth of a second."""
    opened = open_sink(SqliteSinkSettings(path=tmp_path / "copy.db"), Context("orders", 0.2))
    await opened.connect()
    yield opened
    await opened.close()


@pytest.fixture
async def source(tmp_path):
    """A source over a new file, not connected."""
    (tmp_path / "orders.db").touch()
    opened = open_source(SqliteSourceSettings(path=tmp_path / "orders.db"), Context("orders"))
    yield opened
    await opened.close()


def test_abilities(sink, source):
    """Both ends offer what they are meant to offer; the contract passes over what is not there."""
    for ability in ("Sink", "Inserts", "Conditions", "Reads", "Scans", "Emptiness", "Probes"):
        assert isinstance(sink, getattr(abilities, ability)), ability
    for ability in ("Source", "Reads", "Scans", "Marks", "Backlogs", "Estimates", "Probes"):
        assert isinstance(source, getattr(abilities, ability)), ability


async def test_a_locked_file_is_transient_and_settled(sink, tmp_path):
    """A write that does not get the lock in time has done nothing, says so, and succeeds later."""
    other = sqlite3.connect(tmp_path / "copy.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TransientError) as raised:
        await sink.write([CHANGE])
    assert (raised.value.settled, raised.value.reason) == (True, "locked")
    other.close()
    assert await sink.is_empty()
    await sink.write([CHANGE])
    assert not await sink.is_empty()


async def test_a_write_that_comes_late_does_nothing(sink, tmp_path):
    """A write that stood behind another one for too long is not carried out, although it could be."""
    other = sqlite3.connect(tmp_path / "copy.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writes = [asyncio.create_task(sink.write([CHANGE])) for _ in range(2)]
    for write in writes:
        with pytest.raises(TransientError) as raised:
            await write
        assert raised.value.settled
        other.close()
    assert await sink.is_empty()


async def test_calls_made_at_once_all_hold(tmp_path):
    """Writes, inserts and reads of different keys do not disturb each other."""
    sink = open_sink(SqliteSinkSettings(path=tmp_path / "copy.db"), Context("orders"))
    changes = [CHANGE._replace(key=(f"order-{number}",)) for number in range(20)]
    keys = [each.key for each in changes]
    await asyncio.gather(*(sink.connect() for _ in range(3)))
    writes = [(sink.write if number % 2 else sink.insert)([each]) for number, each in enumerate(changes)]
    await asyncio.gather(*writes, sink.fetch(keys), sink.scan("all", None))
    assert set(await sink.fetch(keys)) == set(keys)
    await sink.close()


async def test_the_copy_can_be_queried(sink, tmp_path):
    """Any program can read the records with SQL."""
    await sink.write([CHANGE])
    reader = sqlite3.connect(tmp_path / "copy.db")
    found = reader.execute("SELECT key, json_extract(record, '$.item.total.N') FROM records").fetchall()
    reader.close()
    assert found == [('["s:order-1"]', "12.50")]


async def test_a_file_that_is_no_database_is_permanent(tmp_path):
    """Something else in the file's place is found before the start, and stops the pipeline after it."""
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam, " * 100)
    sink = open_sink(SqliteSinkSettings(path=path), Context("orders"))
    (finding,) = await sink.probe()
    assert "not a SQLite file" in finding.message
    with pytest.raises(PermanentError):
        await sink.connect()
    await sink.close()


async def test_a_missing_file_is_found_before_the_start(tmp_path):
    """A source needs its file, a sink only the directory."""
    absent, nowhere = tmp_path / "absent.db", tmp_path / "nowhere" / "copy.db"
    source = open_source(SqliteSourceSettings(path=absent), Context("orders"))
    assert [finding.message for finding in await source.probe()] == [f"there is no file {absent}"]
    assert not await open_sink(SqliteSinkSettings(path=absent), Context("orders")).probe()
    assert await open_sink(SqliteSinkSettings(path=nowhere), Context("orders")).probe()
    assert not absent.exists(), "a probe changes nothing"


async def test_another_file_loses_the_position(source, tmp_path):
    """A file that was replaced has another log, and the source says so instead of guessing."""
    start = await source.connect(None)
    await source.close()
    (tmp_path / "orders.db").unlink()
    (tmp_path / "orders.db").touch()
    with pytest.raises(PositionLostError):
        await source.connect(start.positions)


async def test_a_forgotten_entry_loses_the_position(source):
    """A position older than what the log still has is refused."""
    start = await source.connect(None)
    await source.mark()
    await source.mark()
    batch = await source.read()
    await source.commit({batch.partition: batch.position})
    await source.connect({batch.partition: batch.position})
    with pytest.raises(PositionLostError):
        await source.connect(start.positions)


async def test_a_renamed_key_is_a_delete_and_an_upsert(source, tmp_path):
    """A program may give a row another key; the old one is gone then."""
    await source.connect(None)
    writer = sqlite3.connect(tmp_path / "orders.db", isolation_level=None)
    writer.execute("""INSERT INTO records (key, record) VALUES ('["s:old"]', '{"item":{}}')""")
    writer.execute("""UPDATE records SET key = '["s:new"]'""")
    writer.close()
    changes = (await source.read()).changes
    assert [(change.kind.name, change.key) for change in changes] == [
        ("UPSERT", ("old",)),
        ("DELETE", ("old",)),
        ("UPSERT", ("new",)),
    ]


async def test_a_row_that_is_no_record_stops_the_source(source, tmp_path):
    """A row in another form is named, not guessed at."""
    await source.connect(None)
    writer = sqlite3.connect(tmp_path / "orders.db", isolation_level=None)
    writer.execute("INSERT INTO records (key, record) VALUES ('order 1', '{}')")
    writer.close()
    with pytest.raises(PermanentError, match="order 1"):
        await source.read()
