"""Reports: one JSON line per key that a verification has something to say about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from replicator.state.failures import file_error
from replicator.state.threads import in_thread


class JsonLinesReport:
    """See ``replicator.stores.Report``. The file exists from the first moment, empty if all is well."""

    def __init__(self, path: Path) -> None:
        """Make the file and its folder.

        Raises:
            StateError: that cannot be done; ``write`` and ``close`` raise it too.
        """
        self.place = str(path)
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")
        except OSError as error:
            raise file_error(path, error) from error

    async def write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Append lines, in this order."""
        text = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
        await self._run(lambda: self._file.write(text))

    async def close(self) -> None:
        """Flush and close. May be called more than once."""
        await self._run(self._file.close)

    async def _run(self, work: Callable[[], object]) -> None:
        try:
            await in_thread(work)
        except OSError as error:
            raise file_error(self._path, error) from error
