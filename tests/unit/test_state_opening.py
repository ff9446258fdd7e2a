"""A state file that cannot be used is refused with a reason, and left as it was."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from replicator.model.checkpoint import Checkpoint
from replicator.model.errors import CheckpointConflictError, StateError
from replicator.state import SqliteStore
from replicator.state.lock import opening
from replicator.state.opening import APPLICATION_ID

HOLD = """
import asyncio, sys
from replicator.state import SqliteStore
async def main():
    store = await SqliteStore.open(sys.argv[1])
    await store.claim("orders")
    print("open", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""

OPEN_AS_NOBODY = """
import asyncio, importlib.readers, os, sys  # nobody may not be allowed to import anything later
from replicator.state import SqliteStore
from replicator.model.errors import StateError
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
try:
    asyncio.run(SqliteStore.open(sys.argv[1]))
except StateError as error:
    print(error, "|", error.hint)
"""


async def refusal(path: Path) -> StateError:
    """The error that opening this path raises."""
    with pytest.raises(StateError) as caught:
        await SqliteStore.open(path)
    return caught.value


async def filled(path: Path) -> None:
    """Make a sound state file of several pages."""
    store = await SqliteStore.open(path)
    await store.add_tombstones("orders", 1, [(f"key-{number}",) for number in range(2_000)])
    await store.close()


async def test_two_stores_share_a_file(tmp_path: Path):
    """A second store, under another name of the file as well, sees what the first notes, and its lease."""
    (tmp_path / "alias.db").symlink_to(tmp_path / "state.db")
    first = await SqliteStore.open(tmp_path / "state.db")
    second = await SqliteStore.open(tmp_path / "alias.db")
    await first.claim("orders")
    await first.add_tombstones("orders", 1, [("a",)], epoch=1)
    lease = await second.look("orders")
    assert (lease.epoch, lease.over, (await first.look("orders")).over) == (1, False, True)
    assert f":{os.getpid()}:" in lease.holder
    assert await second.find_tombstones("orders", 1, [("a",)]) == {("a",)}
    await first.renew("orders", 1)
    with pytest.raises(CheckpointConflictError):
        await second.claim("orders", lease)
    assert (await second.claim("orders", await second.look("orders"))).epoch == 2
    with pytest.raises(CheckpointConflictError):
        await first.add_tombstones("orders", 1, [("b",)], epoch=1)
    await first.close()
    await second.close()


async def test_a_holder_that_was_killed_is_known_to_have_ended(tmp_path: Path):
    """While it lives its lease has to run out; killed, its lease is over, unclean, and its lock removed."""
    path = tmp_path / "state.db"
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLD, path, stdout=subprocess.PIPE)
    store = None
    try:
        assert holder.stdout is not None
        assert await holder.stdout.readline() == b"open\n"
        store = await SqliteStore.open(path)
        assert not (await store.look("orders")).over
    finally:
        holder.kill()
        await holder.wait()
    lease = await store.look("orders")
    assert lease.over
    assert f":{holder.pid}:" in lease.holder
    claim = await store.claim("orders", lease)
    assert (claim.epoch, claim.clean) == (2, False)
    await store.close()
    await (await SqliteStore.open(path)).close()
    assert [each.name for each in tmp_path.glob("*alive*") if lease.holder[-12:] in each.name] == []


async def test_a_holder_whose_lock_file_is_gone_is_not_taken_for_ended(tmp_path: Path):
    """Whoever removes lock files by hand makes others wait, and nothing worse."""
    first = await SqliteStore.open(tmp_path / "state.db")
    second = await SqliteStore.open(tmp_path / "state.db")
    await first.claim("orders")
    for path in tmp_path.glob("*alive*"):
        path.unlink()
    assert not (await second.look("orders")).over
    await first.close()
    await second.close()


async def test_a_schema_is_not_changed_under_a_process_that_uses_it(tmp_path: Path):
    """An older schema in use by another process is refused, and brought up to date once that is gone."""
    path = tmp_path / "state.db"
    user = await SqliteStore.open(path)
    with sqlite3.connect(path) as older:
        older.execute("PRAGMA user_version = 2")
        for column in ("renewals", "holder", "released", "lease_seconds", "call_seconds"):
            older.execute(f"ALTER TABLE pipelines DROP COLUMN {column}")
    older.close()
    assert "older release" in (await refusal(path)).message
    await user.close()
    store = await SqliteStore.open(path)
    assert (await store.claim("orders", await store.look("orders"))).epoch == 1
    await store.close()


async def test_a_release_before_leases_keeps_others_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It holds the lock of opening for as long as it runs, and is named."""
    monkeypatch.setattr("replicator.state.lock._OPENING_SECONDS_MAX", 0.2)
    path = tmp_path / "state.db"
    with opening(path):
        error = await refusal(path)
    assert f"process {os.getpid()}" in error.message
    await filled(path)


@pytest.mark.parametrize("content", [b"not a database, but a text\n" * 200, b"\x00" * 8_192])
async def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes):
    """A file that SQLite cannot read is refused and not changed."""
    path = tmp_path / "state.db"
    path.write_bytes(content)
    assert "backup" in (await refusal(path)).hint
    assert path.read_bytes() == content


async def test_a_damaged_file_is_refused(tmp_path: Path):
    """A page overwritten in the middle is found at opening, and nothing is repaired behind one's back."""
    path = tmp_path / "state.db"
    await filled(path)
    content = bytearray(path.read_bytes())
    content[3 * 4_096 : 6 * 4_096] = b"\xa5" * (3 * 4_096)
    path.write_bytes(content)
    error = await refusal(path)
    assert "backup" in error.hint
    assert path.read_bytes() == content


async def test_a_damaged_file_is_kept_aside_once(tmp_path: Path):
    """However often it is refused, one copy of it is kept, for its owner only, and the message names it."""
    path = tmp_path / "state.db"
    await filled(path)
    content = path.read_bytes()[: 4_096 * 3]
    path.write_bytes(content)
    told = {(await refusal(path)).message for _ in range(3)}
    (aside,) = tmp_path.glob("state.db.damaged-*")
    assert len(told) == 1
    assert str(aside) in told.pop()
    assert aside.read_bytes() == content
    assert aside.stat().st_mode & 0o077 == 0


async def test_another_damage_is_kept_beside_the_first(tmp_path: Path):
    """A backup that is damaged too is another file to examine; what is sound leaves none."""
    path = tmp_path / "state.db"
    for damage in (b"\xa5" * 8_192, b"\x5a" * 8_192):
        path.write_bytes(damage)
        os.utime(path, (damage[0], damage[0]))
        await refusal(path)
    assert len(list(tmp_path.glob("state.db.damaged-*"))) == 2
    path.unlink()
    await filled(path)
    assert len(list(tmp_path.glob("state.db.damaged-*"))) == 2


async def test_a_truncated_file_is_refused(tmp_path: Path):
    """A file cut short is damaged, not new."""
    path = tmp_path / "state.db"
    await filled(path)
    content = path.read_bytes()[: 4_096 * 3]
    path.write_bytes(content)
    await refusal(path)
    assert path.read_bytes() == content


async def test_another_programs_database_is_refused(tmp_path: Path):
    """A SQLite file that is not ours is left alone."""
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE precious (value TEXT)")
    other.close()
    content = path.read_bytes()
    assert "not a state file" in (await refusal(path)).message
    assert path.read_bytes() == content


async def test_a_newer_schema_is_refused(tmp_path: Path):
    """A file that a later release has used is refused with that reason."""
    path = tmp_path / "state.db"
    await filled(path)
    with sqlite3.connect(path) as later:
        later.execute("PRAGMA user_version = 99")
    later.close()
    error = await refusal(path)
    assert "schema 99" in error.message
    assert "newer release" in error.hint


@pytest.mark.parametrize("leftover", [b"", None])
async def test_a_crash_while_creating_is_survived(tmp_path: Path, leftover: bytes | None):
    """An empty file, and one without a schema yet, are new files."""
    path = tmp_path / "state.db"
    if leftover is None:
        with sqlite3.connect(path) as begun:
            begun.execute("PRAGMA journal_mode = WAL")
        begun.close()
    else:
        path.write_bytes(leftover)
    await filled(path)


async def test_the_schema_version_is_kept(tmp_path: Path):
    """The file says whose it is and of which schema, and only its owner may read it."""
    path = tmp_path / "state.db"
    await filled(path)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("PRAGMA user_version").fetchone() == (3,)
    connection.close()
    assert path.stat().st_mode & 0o077 == 0


async def test_a_place_that_cannot_be_is_refused(tmp_path: Path):
    """A directory in the file's place, and a file in the directory's place, are refused."""
    assert (await refusal(tmp_path)).hint
    (tmp_path / "file").write_text("")
    assert (await refusal(tmp_path / "file" / "state.db")).hint


@pytest.mark.parametrize(("file_mode", "directory_mode"), [(0o400, 0o777), (0o444, 0o777), (0o644, 0o555)])
def test_a_file_without_permission_is_refused(file_mode: int, directory_mode: int):
    """A file that cannot be read, or cannot be written, is refused at opening, as is its directory."""
    directory = Path(tempfile.mkdtemp())
    try:
        path = directory / "state.db"
        asyncio.run(filled(path))
        path.with_name("state.db.lock").unlink()
        path.chmod(file_mode)
        directory.chmod(directory_mode)
        command = [sys.executable, "-c", OPEN_AS_NOBODY, path]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        message, _, hint = done.stdout.strip().partition(" | ")
        assert str(path) in message
        assert "write" in hint
    finally:
        directory.chmod(0o700)
        shutil.rmtree(directory)


async def test_a_crash_loses_nothing_that_was_answered(tmp_path: Path):
    """A file copied while open, log and all, as a power cut would leave it, has every answered write."""
    store = await SqliteStore.open(tmp_path / "state.db")
    await store.claim("orders")
    saved = Checkpoint(epoch=1, positions={"shard": "7"})
    await store.save("orders", saved)
    for name in ("state.db", "state.db-wal"):
        (tmp_path / "after").mkdir(exist_ok=True)
        shutil.copy(tmp_path / name, tmp_path / "after" / name)
    after = await SqliteStore.open(tmp_path / "after" / "state.db")
    assert (await after.claim("orders")).checkpoint == saved
    await after.close()
    await store.close()
