"""Opening a state file: look before touching, then bring the schema up to date."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

from replicator.model.errors import StateError
from replicator.state.aside import keep_aside
from replicator.state.failures import DamagedError, damaged, state_error, with_copy
from replicator.state.lock import in_use, others_alive

APPLICATION_ID = 0x5250_4C43
"""Marks a SQLite file as ours (https://sqlite.org/pragma.html#pragma_application_id)."""

_LOCK_WAIT_SECONDS = 5.0
"""How long a write waits for that of another process; a commit takes milliseconds."""


def open_database(path: Path) -> sqlite3.Connection:
    """Open or create the file, sound and of the newest schema; no other process opens it meanwhile.

    Raises:
        TransientError: settled; another process is writing to it for too long.
        StateError: the file is damaged, foreign, of a newer schema, or cannot be read or written. It
            is then left as it was; of a damaged one a copy is kept beside it.
    """
    try:
        return _opened(path)
    except DamagedError as error:
        raise with_copy(error, keep_aside(path)) from error


def _opened(path: Path) -> sqlite3.Connection:
    try:
        inspect(path)
        if not path.exists():
            path.touch(mode=0o600)  # records in dead letters are nobody else's business
        connection = connect(path)
        try:
            _prepare(path, connection)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise state_error(path, error) from error
    return connection


def connect(path: Path) -> sqlite3.Connection:
    """One connection with full durability, in autocommit mode, usable from any one thread at a time."""
    connection = sqlite3.connect(
        path, timeout=_LOCK_WAIT_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone does not reach the disk there
    return connection


def inspect(path: Path) -> None:
    """Refuse a file that is not sound or not ours, without writing to it.

    An empty file is new: a crash between creation and first commit leaves one.
    """
    if not path.exists() or path.stat().st_size == 0:
        return
    # A connection that can write would, on closing, copy the log into a file that we call damaged.
    uri = f"{path.as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=_LOCK_WAIT_SECONDS)) as connection:
        _refuse_foreign(path, connection)
        _refuse_newer(path, connection)
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise damaged(path, verdict)


def _refuse_foreign(path: Path, connection: sqlite3.Connection) -> None:
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    ours = _pragma(connection, "application_id") == APPLICATION_ID
    if objects and not ours:  # without objects it is what a crash in ``_prepare`` leaves
        raise StateError(
            f"{path} is not a state file of Replicator", hint="Point state.path at another file."
        )


def _refuse_newer(path: Path, connection: sqlite3.Connection) -> None:
    version, known = _pragma(connection, "user_version"), len(_scripts())
    if version > known:
        raise StateError(
            f"the state file {path} has schema {version}, and this release knows {known}",
            hint="A newer release has used the file; run that release or a later one.",
        )


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    version = _pragma(connection, "user_version")
    alive = others_alive(path, _holders(connection))
    if alive and version < len(_scripts()):  # they would go on as if the schema were theirs
        raise in_use(path, "a process of an older release")
    for number, script in enumerate(_scripts(), start=1):
        if number > version:
            connection.executescript(
                f"BEGIN IMMEDIATE; {script}; PRAGMA application_id = {APPLICATION_ID};"
                f" PRAGMA user_version = {number}; COMMIT;"
            )
    # A write that is undone: a read-only file fails here, and not at the first checkpoint.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"PRAGMA user_version = {len(_scripts())}")
    connection.execute("ROLLBACK")


def _holders(connection: sqlite3.Connection) -> list[str]:
    """Who is named in the file, so that it can still be told whether they have ended."""
    columns = [column[1] for column in connection.execute("PRAGMA table_info(pipelines)")]
    if "holder" not in columns:
        return []
    return [name for (name,) in connection.execute("SELECT holder FROM pipelines")]


def _scripts() -> list[str]:
    """The schema's versions, in order: script n brings version n - 1 to n."""
    files = resources.files("replicator.state").iterdir()
    return [
        file.read_text() for file in sorted(files, key=lambda file: file.name) if file.name.endswith(".sql")
    ]


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)
