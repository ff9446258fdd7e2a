"""Errors of SQLite and of the file system in our words."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from replicator.model.errors import ReplicatorError, StateError, TransientError

_DAMAGED_HINT = (
    "Nothing was changed. Put a copy from a backup in the file's place, or move it (with its -wal and -shm)"
    " away and start again: the backfill is then repeated and reconciled. Keep the damaged one."
)


class DamagedError(StateError):
    """The state file's content is not sound."""


_HINTS = {
    sqlite3.SQLITE_FULL: "Free space on the volume that holds the state file.",
    sqlite3.SQLITE_READONLY: "Let the service's user write to the state file and to its directory.",
    sqlite3.SQLITE_PERM: "Let the service's user write to the state file and to its directory.",
    sqlite3.SQLITE_CANTOPEN: "Let the service's user write to the state file and to its directory.",
    sqlite3.SQLITE_IOERR: "Look at the volume that holds the state file: is it full, read-only or failing?",
    sqlite3.SQLITE_CORRUPT: _DAMAGED_HINT,
    sqlite3.SQLITE_NOTADB: _DAMAGED_HINT,
}


_BUSY_HINT = "A process may have been frozen in the middle of a commit; let it go on, or end it."


def state_error(path: Path, error: sqlite3.Error) -> ReplicatorError:
    """The StateError for an error of SQLite's, with a hint by the kind of failure.

    Where another process was writing for too long it is a TransientError: nothing was written.

    The primary result code is the low byte of the extended one (https://sqlite.org/rescode.html).
    """
    primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if primary == sqlite3.SQLITE_BUSY:
        return TransientError(
            f"another process is writing to the state file {path}",
            hint=_BUSY_HINT,
            settled=True,
            reason="state_busy",
        )
    hint = _HINTS.get(primary, "This is not expected; please report it with the message.")
    kind = DamagedError if hint is _DAMAGED_HINT else StateError
    return kind(f"the state file {path} failed: {error}", hint=hint)


def file_error(path: Path, error: OSError) -> StateError:
    """The StateError for a file beside the state file that cannot be made or written."""
    return StateError(
        f"the file {path} cannot be written: {error.strerror}",
        hint="Look at the volume that holds the state file, and at the rights on its directory.",
    )


def damaged(path: Path, what: str) -> DamagedError:
    """The error for a file whose content is not sound."""
    return DamagedError(f"the state file {path} is damaged: {what}", hint=_DAMAGED_HINT)


def with_copy(error: DamagedError, aside: Path | None) -> DamagedError:
    """The same error, saying where a copy of the file was kept, or that none could be."""
    told = "no copy of it could be kept" if aside is None else f"a copy of it is kept as {aside}"
    return DamagedError(f"{error.message}; {told}", hint=error.hint)
