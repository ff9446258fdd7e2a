"""All queues of a namespace by name."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from localcloud.servicebus.broker.deadletters import SUFFIX
from localcloud.servicebus.broker.errors import RefusedError, argument_error, entity_not_found
from localcloud.servicebus.broker.journal import Forgetful, Journal
from localcloud.servicebus.broker.message import State
from localcloud.servicebus.broker.queue import Queue
from localcloud.servicebus.broker.settings import QueueSettings, Tier, check

__all__ = ["Namespace", "path_of"]

_NAME_CHARACTERS_MAX = 260


class Namespace:
    """The queues of one namespace; names are equal whatever their case.

    Args:
        tier: sets the largest message and batch.
        clock: returns milliseconds since the epoch, never less than before.
        journal: told of every change of messages; queues themselves are whoever's that creates them.
    """

    def __init__(self, tier: Tier, clock: Callable[[], int], journal: Journal | None = None) -> None:
        self.tier: Tier = tier
        self._clock = clock
        self._journal = journal or Forgetful()
        self._queues: dict[str, Queue] = {}

    def __iter__(self) -> Iterator[Queue]:
        return iter(list(self._queues.values()))

    def create(self, name: str, settings: QueueSettings) -> Queue:
        """Create a queue.

        Raises:
            RefusedError: there is one of that name, or name or settings are not possible.
        """
        if not 0 < len(name) <= _NAME_CHARACTERS_MAX or "$" in name or name.strip("/") != name:
            raise argument_error(f"'{name}' is no name of a queue")
        if name.lower() in self._queues:
            raise RefusedError("com.microsoft:entity-already-exists", f"The queue '{name}' exists", 409)
        queue = Queue(name, check(settings, self.tier), self._clock, self._journal)
        self._queues[name.lower()] = queue
        return queue

    def update(self, name: str, settings: QueueSettings) -> Queue:
        """Set a queue to something else.

        Raises:
            RefusedError: there is none, or it cannot be set to that.
        """
        queue = self.queue(name)
        queue.change(check(settings, self.tier, queue.settings))
        return queue

    def delete(self, name: str) -> Queue:
        """Delete a queue with its messages, and return what it was.

        Raises:
            RefusedError: there is none.
        """
        queue = self.queue(name)
        del self._queues[name.lower()]
        return queue

    def queue(self, path: str) -> Queue:
        """Return the queue of a path, or its dead-letter queue where the path says so.

        Raises:
            RefusedError: there is none.
        """
        lowered = path.lower()
        name = lowered.removesuffix(SUFFIX.lower())
        queue = self._queues.get(name)
        found = queue if queue is None or name == lowered else queue.dead_letters
        if found is None:
            raise entity_not_found(path)
        return found

    def tick(self) -> None:
        """Do what time has made due, in all queues."""
        for queue in self._queues.values():
            queue.tick()

    def describe(self, name: str) -> dict[str, Any]:
        """Return a queue's settings and counts, as JSON has them.

        Counts are of messages: ``active`` (those that wait and those that are locked), ``locked``,
        ``deferred``, ``scheduled``, ``dead_letter``; ``size_bytes`` is of the messages as they were sent.
        """
        queue = self.queue(name)
        queue.tick()
        store, dead = queue.shelf.store, queue.dead_letters
        return {
            "name": queue.path,
            "settings": queue.settings.model_dump(),
            "active": store.counts[State.ACTIVE],
            "locked": len(queue.shelf.locks),
            "deferred": store.counts[State.DEFERRED],
            "scheduled": store.counts[State.SCHEDULED],
            "dead_letter": dead.shelf.store.counts.total() if dead else 0,
            "size_bytes": store.size_bytes,
        }


def path_of(address: str) -> str:
    """Return the path in an address of a link or a token: ``amqps://host:5672/queue`` names ``queue``."""
    return (urlsplit(address).path if "://" in address else address).strip("/")
