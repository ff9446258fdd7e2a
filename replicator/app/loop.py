"""The event loop of the service: uvloop's where there is one, which takes less time for each call."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

if sys.platform == "win32":
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop

T = TypeVar("T")


def run_to_end(main: Coroutine[Any, Any, T]) -> T:
    """Like ``asyncio.run``, on the service's loop."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)
