"""A bucket that tells of its changes: what an object service with an event queue looks like from outside.

Reads, scans and downloads are strongly consistent. The events are not: they come at least once, in no order
that counts, perhaps late, and the queue may be made to show it.
Source: Amazon S3 user guide, data consistency model; event notification types and destinations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import NamedTuple

from connectors.memory.messages import MemoryQueue
from connectors.memory.objects.checksums import checksums_of
from connectors.memory.objects.codec import event_text
from connectors.memory.objects.shelf import Shelf
from replicator.model.clock import Clock, SystemClock
from replicator.model.record import NOTHING, Object


class Kept(NamedTuple):
    """An object as the bucket keeps it: one state, which nothing changes."""

    body: bytes
    record: Object


class MemoryBucket:
    """The bucket.

    Args:
        clock: gives the times of events.
        events: the queue that events go to.
    """

    def __init__(self, clock: Clock | None = None, events: MemoryQueue | None = None) -> None:
        self.clock = clock or SystemClock()
        self.events = events or MemoryQueue(self.clock)
        self.objects: Shelf[Kept] = Shelf()
        self._versions = count(1)
        self._watchers: list[Callable[[str, Kept | None], None]] = []

    def put(
        self,
        name: str,
        body: bytes,
        headers: Mapping[str, str] = NOTHING,
        metadata: Mapping[str, str] = NOTHING,
        tags: Mapping[str, str] = NOTHING,
    ) -> str:
        """Write an object whole and return its version, which is another one at every write."""
        version = f"v{next(self._versions)}"
        checksums = checksums_of(body, ("md5",))
        record = Object(len(body), version, dict(headers), dict(metadata), dict(tags), checksums=checksums)
        self._keep(name, Kept(body, record))
        return version

    def tag(self, name: str, tags: Mapping[str, str]) -> bool:
        """Replace the tags, which does not change the version; False where there is no object.

        Source: Amazon S3 API reference, PutObjectTagging: neither ETag nor Last-Modified change.
        """
        kept = self.objects.get(name)
        if kept is None:
            return False
        self._keep(name, Kept(kept.body, kept.record._replace(tags=dict(tags))))
        return True

    def delete(self, name: str) -> bool:
        """Remove an object; False where there was none, which is not a change."""
        if not self.objects.remove(name):
            return False
        self._tell(name, None)
        return True

    def watch(self, watcher: Callable[[str, Kept | None], None]) -> None:
        """Call this at every change with the name and what is there after it."""
        self._watchers.append(watcher)

    def _keep(self, name: str, kept: Kept) -> None:
        self.objects.put(name, kept)
        self._tell(name, kept)

    def _tell(self, name: str, kept: Kept | None) -> None:
        self.events.send(event_text(name, self.clock.wall()))
        for watcher in self._watchers:
            watcher(name, kept)
