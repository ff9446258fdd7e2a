"""A look at a file before anything is copied; it changes nothing, so it does not open a database."""

from __future__ import annotations

import os
from pathlib import Path

from replicator.connector import Finding, Severity

_HEADER = b"SQLite format 3\x00"  # sqlite.org/fileformat.html, 1.3.1


def look(path: Path, *, may_be_created: bool) -> list[Finding]:
    """What keeps this file from being used, if anything."""
    directory = path.absolute().parent
    if not os.access(directory, os.W_OK):
        return [_error(f"the directory {directory} is not there, or may not be written", "Make it so.")]
    if not path.exists():
        return [] if may_be_created else [_error(f"there is no file {path}", "Check the path.")]
    if not os.access(path, os.R_OK | os.W_OK):
        return [_error(f"{path} may not be read and written", "Give the service the right to do so.")]
    if not path.is_file() or not _is_database(path):
        return [_error(f"{path} is not a SQLite file", "Name one, or a path where no file is yet.")]
    return []


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_HEADER)) in (b"", _HEADER)  # an empty file is an empty database


def _error(message: str, hint: str) -> Finding:
    return Finding(Severity.ERROR, message, hint)
