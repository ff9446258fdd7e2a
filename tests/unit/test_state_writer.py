"""Writes that arrive together share a commit; a write that fails hurts only itself."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from replicator.model.checkpoint import Checkpoint
from replicator.model.errors import StateError
from replicator.state import SqliteStore
from replicator.state.comparison import SqliteComparison
from replicator.state.opening import open_database
from replicator.state.writer import Writer

FILL = """
import asyncio, resource, sys
from replicator.state import SqliteStore
from replicator.model.errors import StateError
async def main():
    store = await SqliteStore.open(sys.argv[1])
    await store.claim("orders")
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    added = 0
    try:
        while True:
            await store.add_tombstones("orders", 1, [(f"{added}-{n}" * 10,) for n in range(100)])
            added += 1
    except StateError as error:
        print(added, "|", error, "|", error.hint)
    found = await store.find_tombstones("orders", 1, [("0-0" * 10,)])
    print(len(found))
    await store.close()
asyncio.run(main())
"""


@pytest.fixture
def writer(tmp_path: Path):
    """A writer on a new file, with one table for numbers."""
    path = tmp_path / "state.db"
    connection = open_database(path)
    connection.execute("CREATE TABLE numbers (number INTEGER PRIMARY KEY)")
    writer = Writer(path, connection)
    yield writer
    writer.close()


def insert(number: int):
    """An operation that inserts the number."""
    return lambda connection: connection.execute("INSERT INTO numbers VALUES (?)", (number,)).rowcount


def numbers(path: Path) -> list[int]:
    """What another connection sees committed."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT number FROM numbers ORDER BY number").fetchall()
    connection.close()
    return [number for (number,) in rows]


def test_calls_made_together_share_a_commit(writer: Writer, tmp_path: Path):
    """While the first waits, the others gather, and all of them become visible at once."""
    gate, entered = threading.Event(), threading.Event()

    def wait(connection: sqlite3.Connection) -> None:
        entered.set()
        gate.wait(30)

    first = writer.submit(wait)
    assert entered.wait(30)
    seen: list[list[int]] = []
    calls = [writer.submit(insert(number)) for number in range(5)]
    look = writer.submit(lambda connection: seen.append(numbers(tmp_path / "state.db")))
    gate.set()
    for call in (first, *calls, look):
        call.result(30)
    assert seen == [[]]  # the look ran in the same transaction, before its commit
    assert numbers(tmp_path / "state.db") == [0, 1, 2, 3, 4]


def test_a_failing_call_is_undone_alone(writer: Writer, tmp_path: Path):
    """What a failing operation wrote is gone, and its neighbours' writes stand."""

    def half(connection: sqlite3.Connection) -> None:
        insert(7)(connection)
        raise ValueError("half way")

    calls = [
        writer.submit(insert(1)),
        writer.submit(half),
        writer.submit(insert(1)),
        writer.submit(insert(2)),
    ]
    assert calls[0].result(30) == calls[3].result(30) == 1
    assert isinstance(calls[1].exception(30), ValueError)
    assert isinstance(calls[2].exception(30), StateError)
    assert numbers(tmp_path / "state.db") == [1, 2]


def test_closing_finishes_what_was_submitted(writer: Writer, tmp_path: Path):
    """Writes accepted before the close are committed; later ones are refused."""
    calls = [writer.submit(insert(number)) for number in range(1_000)]
    writer.close()
    assert all(call.result(0) == 1 for call in calls)
    assert len(numbers(tmp_path / "state.db")) == 1_000
    with pytest.raises(StateError, match="closed"):
        writer.submit(insert(1_001))


async def test_cancelling_a_call_hurts_no_other(tmp_path: Path):
    """A cancelled save happened or not; the next one works."""
    store = await SqliteStore.open(tmp_path / "state.db")
    await store.claim("orders")
    saves = [asyncio.create_task(store.save("orders", Checkpoint(1, {"n": str(n)}))) for n in range(50)]
    await asyncio.sleep(0)
    for save in saves[::2]:
        save.cancel()
    results = await asyncio.gather(*saves, return_exceptions=True)
    assert all(result is None for result in results[1::2])
    await store.save("orders", Checkpoint(1, {"n": "last"}))
    checkpoint = (await store.claim("orders")).checkpoint
    assert checkpoint is not None
    assert checkpoint.positions == {"n": "last"}
    await store.close()


async def test_a_closed_store_refuses(tmp_path: Path):
    """Reads and writes after the close are StateErrors."""
    store = await SqliteStore.open(tmp_path / "state.db")
    await store.close()
    with pytest.raises(StateError, match="closed"):
        await store.claim("orders")
    with pytest.raises(StateError, match="closed"):
        await store.entries(1)


def test_a_full_disk_is_a_state_error(tmp_path: Path):
    """A write that the disk refuses raises with a hint, and what was answered before is still there."""
    command = [sys.executable, "-c", FILL, tmp_path / "state.db"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    failure, found = done.stdout.strip().splitlines()
    added, message, hint = failure.split(" | ")
    assert int(added) > 0
    assert "state.db failed" in message
    assert "volume" in hint
    assert found == "1"


async def test_a_cancelled_comparison_leaves_no_thread_behind(tmp_path):
    """Whoever cancels and then closes must not pull the connection from under a thread at work."""
    comparison = SqliteComparison(tmp_path / "comparison")
    digests = [((f"k{number}",), b"x" * 16) for number in range(50_000)]
    adding = asyncio.create_task(comparison.add("source", digests))
    while not comparison._connection.in_transaction:
        assert not adding.done()
        await asyncio.sleep(0)
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding
    assert not comparison._connection.in_transaction
    await comparison.close()
    assert not (tmp_path / "comparison").exists()
