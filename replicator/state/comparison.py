"""A comparison of two sides by digest, on disk: what a verification of any size needs in bounded memory.

It is scratch work, not state: nothing of it has to survive a crash, so nothing is synced, and the file is
removed at the end.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from replicator.model.key import Key, key_from_text, key_text
from replicator.state.failures import file_error, state_error
from replicator.state.threads import in_thread
from replicator.stores import Difference

Result = TypeVar("Result")

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE source (key TEXT PRIMARY KEY, digest BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE sink (key TEXT PRIMARY KEY, digest BLOB NOT NULL) WITHOUT ROWID;
"""

_DIFFERENCES = """
SELECT key, source.digest FROM source LEFT JOIN sink USING (key)
WHERE sink.digest IS NOT source.digest AND key > :after
UNION ALL
SELECT sink.key, NULL FROM sink LEFT JOIN source USING (key)
WHERE source.digest IS NULL AND sink.key > :after
ORDER BY 1 LIMIT :limit
"""


class SqliteComparison:
    """Digests of both sides by key; see ``replicator.stores.Comparison``."""

    def __init__(self, path: Path) -> None:
        """An earlier file of this path is scratch too, and replaced.

        Raises:
            StateError: the file cannot be made.
        """
        self._path = path
        self._using = asyncio.Lock()
        try:
            path.unlink(missing_ok=True)
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._connection.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise state_error(path, error) from error
        except OSError as error:
            raise file_error(path, error) from error

    async def add(self, side: str, digests: Sequence[tuple[Key, bytes]]) -> None:
        """Note digests of one side; a key that comes again takes the newer one."""
        statement = {
            "source": "INSERT OR REPLACE INTO source VALUES (?, ?)",
            "sink": "INSERT OR REPLACE INTO sink VALUES (?, ?)",
        }[side]
        rows = [(key_text(key), digest) for key, digest in digests]
        await self._run(lambda: self._insert(statement, rows))

    async def differences(self, after: Key | None, limit: int) -> Sequence[Difference]:
        """Up to ``limit`` keys after the given one whose digests differ or are on one side only."""
        bounds = {"after": "" if after is None else key_text(after), "limit": limit}
        found = await self._run(lambda: self._connection.execute(_DIFFERENCES, bounds).fetchall())
        return [Difference(key_from_text(text), digest) for text, digest in found]

    async def close(self) -> None:
        """Remove the file. May be called more than once."""
        await self._run(self._remove)

    def _remove(self) -> None:
        self._connection.close()
        self._path.unlink(missing_ok=True)

    async def _run(self, work: Callable[[], Result]) -> Result:
        """One piece of work at a time; SQLite's errors in our words."""
        async with self._using:
            try:
                return await in_thread(work)
            except sqlite3.Error as error:
                raise state_error(self._path, error) from error

    def _insert(self, statement: str, rows: list[tuple[str, bytes]]) -> None:
        self._connection.execute("BEGIN")
        self._connection.executemany(statement, rows)
        self._connection.execute("COMMIT")
