"""Reports: one JSON line per key that a verification has something to say about."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson


class JsonLinesReport:
    """See ``replicator.stores.Report``. The file exists from the first moment, empty if all is well."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.place = str(path)
        self._file = path.open("wb")

    async def write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Append lines, in this order."""
        text = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
        await asyncio.to_thread(self._file.write, text)

    async def close(self) -> None:
        """Flush and close. May be called more than once."""
        await asyncio.to_thread(self._file.close)
