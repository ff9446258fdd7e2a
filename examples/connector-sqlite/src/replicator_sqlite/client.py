"""The way to the file, and the only place that knows the vendor's library."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from replicator.model.errors import ChangeError

from replicator_sqlite import errors
from replicator_sqlite.codec import Statement
from replicator_sqlite.config import ROW_BYTES_MAX

T = TypeVar("T")

_BEGIN_SHARE = 0.5  # of the longest time that a call may take; the rest is for carrying it out


class Database:
    """One connection, in a thread of its own; each call is one transaction.

    No call lands late: one that has the file's lock only after half of ``call_seconds_max`` does nothing.
    """

    def __init__(
        self, path: Path, *, create: bool, call_seconds_max: float, row_bytes_max: int = ROW_BYTES_MAX
    ) -> None:
        self._address = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
        self._begin_seconds = call_seconds_max * _BEGIN_SHARE
        self._row_bytes_max = row_bytes_max
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
        self._connection: sqlite3.Connection | None = None

    async def open(self, *schema: str) -> None:
        """Connect, unless that was done, and run the scripts of the schema."""
        await self._call(lambda: self._open(schema))

    async def apply(self, statements: Sequence[Statement]) -> list[int | ChangeError]:
        """Carry out the statements; return when all of them are on the disk.

        For each statement: how many rows it changed, or why it was refused for good. Any other error is
        raised, and then none was carried out.
        """
        begin_before = time.monotonic() + self._begin_seconds
        return await self._call(lambda: self._apply(statements, begin_before))

    async def select(self, statement: Statement) -> list[Any]:
        """The rows of a query."""
        return await self._call(lambda: self._opened().execute(*statement).fetchall())

    async def close(self) -> None:
        """Release the connection; harmless where there is none."""
        await self._call(self._close)

    async def _call(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise errors.translate(_code(error), str(error)) from error

    # In the thread.

    def _open(self, schema: Sequence[str]) -> None:
        if self._connection is None:
            self._connection = sqlite3.connect(
                self._address, timeout=self._begin_seconds, isolation_level=None, uri=True
            )
        with self._connection as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, self._row_bytes_max)
            connection.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not wait
            connection.execute("PRAGMA synchronous = FULL")  # a commit returns when it is on the disk
            for script in schema:
                connection.executescript(script)

    def _apply(self, statements: Sequence[Statement], begin_before: float) -> list[int | ChangeError]:
        with self._opened() as connection:  # commits, or rolls back where something is raised
            connection.execute("BEGIN IMMEDIATE")
            if time.monotonic() > begin_before:
                raise errors.too_late()
            return [_carry_out(connection, statement) for statement in statements]

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise errors.not_connected()
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _carry_out(connection: sqlite3.Connection, statement: Statement) -> int | ChangeError:
    try:
        return connection.execute(*statement).rowcount
    except sqlite3.DataError as error:  # of this statement's values; the transaction goes on
        refused = errors.translate(_code(error), str(error))
        if isinstance(refused, ChangeError):
            return refused
        raise


def _code(error: sqlite3.Error) -> int:
    """The primary result code; the library's own exceptions have none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
