"""Locks beside the state file: one while it is opened, and one by which a process shows that it lives.

The kernel holds a lock for the open file, so it ends with the process, however the process ends.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from replicator.model.errors import StateError

_OPENING_SECONDS_MAX = 20.0
_LOOK_SECONDS = 0.05
_ALIVE = ".alive-"


@contextmanager
def opening(state_path: Path) -> Iterator[None]:
    """Open the state file by oneself, so that no two processes make or change its schema at once.

    A release from before there were leases holds this lock for as long as it runs. The file stays: removing
    it would let two processes hold locks on two files of one name.

    Raises:
        StateError: another process holds it for too long, or the file cannot be made.
    """
    fd = _open(state_path.with_name(f"{state_path.name}.lock"))
    try:
        _wait_for(fd, state_path)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)


class Presence:
    """The lock of one holder, held for as long as its store is open.

    Attributes:
        name: the holder's, unique for ever: host, process id, and a token that is also in the file's name.
    """

    def __init__(self, state_path: Path) -> None:
        """Take it.

        Raises:
            StateError: the file cannot be made.
        """
        token = secrets.token_hex(6)
        self.name = f"{socket.gethostname()}:{os.getpid()}:{token}"
        self._path = _file_of(state_path, token)
        self._fd = _open(self._path)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self) -> None:
        """Give it back, and remove the file. May be called more than once."""
        if self._fd >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._fd)
            self._fd = -1


def has_ended(state_path: Path, holder: str) -> bool:
    """Whether the holder's process is known to have ended: its file is there, and nobody has the lock.

    Where the file is gone nothing is known.
    """
    token = holder.rpartition(":")[2]
    return bool(token) and _is_free(_file_of(state_path, token))


def others_alive(state_path: Path, holders: Collection[str]) -> bool:
    """Whether any process has the state file open; leftovers of those that hold nothing are removed."""
    alive = False
    named = {holder.rpartition(":")[2] for holder in holders}
    for path in state_path.parent.glob(f"{state_path.name}{_ALIVE}*"):
        if not _is_free(path):
            alive = True
        elif path.name.rpartition("-")[2] not in named:
            with suppress(OSError):
                path.unlink(missing_ok=True)
    return alive


def _file_of(state_path: Path, token: str) -> Path:
    return state_path.with_name(f"{state_path.name}{_ALIVE}{token}")


def _is_free(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(
            f"the lock file {path} cannot be opened: {error.strerror}",
            hint="Let the service's user write to the directory of state.path, or choose another one.",
        ) from error


def _wait_for(fd: int, state_path: Path) -> None:
    gives_up_at = time.monotonic() + _OPENING_SECONDS_MAX
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if time.monotonic() > gives_up_at:
                holder = os.pread(fd, 32, 0).decode(errors="replace").strip()
                raise in_use(state_path, f"process {holder}" if holder else "another process") from error
            time.sleep(_LOOK_SECONDS)
        else:
            return


def in_use(state_path: Path, by: str) -> StateError:
    """The error for a state file that cannot be shared at the moment."""
    return StateError(
        f"the state file {state_path} is in use by {by}",
        hint="Releases that make the file's schema differently cannot share it. Stop the older one first.",
    )
