"""A small document that is kept over a restart of the proxy."""

from pathlib import Path
from typing import Any

import orjson

__all__ = ["Kept"]


class Kept:
    """A dictionary of JSON in a file.

    Args:
        file: where it is kept; None keeps nothing.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        kept = file is not None and file.exists()
        self.document: dict[str, Any] = orjson.loads(file.read_bytes()) if file and kept else {}

    def save(self) -> None:
        """Write the document; a kill leaves the old one or the new one."""
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            beside = self._file.with_suffix(".new")
            beside.write_bytes(orjson.dumps(self.document))
            beside.replace(self._file)
