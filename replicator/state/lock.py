"""The lock that gives a state file to one process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from replicator.model.errors import StateError


class FileLock:
    """An exclusive lock on a file beside the state file.

    The kernel holds it for the open file, so it ends with the process, however the process ends. The
    lock file itself stays: removing it would let two processes hold locks on two files of one name.
    """

    def __init__(self, state_path: Path) -> None:
        """Take the lock of this state file.

        Raises:
            StateError: another process, or this one, holds it, or the file cannot be made.
        """
        self._path = state_path.with_name(state_path.name + ".lock")
        self._fd = _open(self._path)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._fd, 32, 0).decode(errors="replace").strip()
            os.close(self._fd)
            raise _held(state_path, holder) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back. May be called more than once."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(
            f"the lock file {path} cannot be opened: {error.strerror}",
            hint="Let the service's user write to the directory of state.path, or choose another one.",
        ) from error


def _held(state_path: Path, holder: str) -> StateError:
    who = f"process {holder}" if holder else "another process"
    return StateError(
        f"the state file {state_path} is in use by {who}",
        hint="One process owns a state file. Stop that process, or give this one another state.path.",
    )
