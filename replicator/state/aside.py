"""Keeping a damaged state file aside, so that whatever is done to mend it, the evidence stays."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

_PARTS = ("", "-wal")
"""The file and its log; the third part, the index of the log, is made anew from it."""


def keep_aside(path: Path) -> Path | None:
    """Copy the file and its log beside it, once for each state of it; None where that cannot be done.

    The name ends in the time of the file's last change, so that a service that is started again and again
    by its supervisor keeps one copy and does not fill the volume.
    """
    try:
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        aside = path.with_name(f"{path.name}.damaged-{changed}")
        for part in reversed(_PARTS):  # the file itself last: where it is, all is
            _copy(path.with_name(path.name + part), aside.with_name(aside.name + part))
    except OSError:
        return None
    return aside


def _copy(source: Path, target: Path) -> None:
    if target.exists() or not source.exists() or not source.stat().st_size:
        return
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    shutil.copyfile(source, unfinished)
    unfinished.replace(target)
