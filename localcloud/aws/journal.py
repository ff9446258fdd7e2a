"""What a restart of the proxy must not forget of a stream: a file of JSON lines, appended and replayed."""

from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

__all__ = ["Journal"]


class Journal:
    """Events of one stream, oldest first; without a directory nothing is kept."""

    def __init__(self, directory: Path | None, stream_arn: str) -> None:
        self._file = None
        self.events: list[list[Any]] = []
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            name = blake2b(stream_arn.encode(), digest_size=12).hexdigest()
            path = directory / f"stream-{name}.jsonl"
            self.events = _load(path)
            self._file = path.open("ab")

    def append(self, line: bytes) -> None:
        """Take one event; `line` is its JSON. It is kept from the next `flush` on."""
        if self._file:
            self._file.write(line + b"\n")

    def flush(self) -> None:
        """Hand what was taken to the operating system, which keeps it even if this process is killed."""
        if self._file:
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()


def _load(path: Path) -> list[list[Any]]:
    # A line that a kill tore is cut off: the record comes again from upstream.
    whole, _, torn = (path.read_bytes() if path.exists() else b"").rpartition(b"\n")
    if torn:
        path.write_bytes(whole + b"\n" if whole else b"")
    return [orjson.loads(line) for line in whole.splitlines()]
