"""What the processes of our own stand-ins share: saying that they are ready, and sparing the collector."""

import gc
import json
import os
import sys
from pathlib import Path


def announce(ready: dict[str, object], ready_file: Path | None) -> None:
    """Print one line of JSON with this and our process id, and write it to the file where one is named."""
    line = json.dumps(ready | {"pid": os.getpid()}) + "\n"
    if ready_file is not None:
        # Written beside and moved, so that a reader never sees half of it.
        unfinished = ready_file.with_suffix(".unfinished")
        unfinished.write_text(line)
        unfinished.replace(ready_file)
    sys.stdout.write(line)
    sys.stdout.flush()


def spare_the_collector() -> None:
    """Look for cycles rarely: a million documents or messages hold none, and looking takes a second."""
    gc.set_threshold(100_000, 50, 1000)
