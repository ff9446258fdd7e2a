"""Messages in memory: a queue to take from, a bus to put onto, and the ends that work on them.

The system is ``queue`` (visibility time-outs, groups, receive counts), made restless by ``unrest``, and
``bus`` (one order, duplicates dropped, sessions). The ends are ``source`` and ``sink``; what a source has
taken and not yet deleted lies in its ``hand``.
"""

from __future__ import annotations

from connectors.memory.messages.hand import Hand
from connectors.memory.messages.marks import ReadMarks
from connectors.memory.messages.queue import MemoryQueue, Received

__all__ = ["Hand", "MemoryQueue", "ReadMarks", "Received"]
