"""What all connections of a server share."""

from collections import Counter
from collections.abc import Callable

from localcloud.servicebus.broker.errors import RefusedError
from localcloud.servicebus.broker.namespace import Namespace
from localcloud.servicebus.broker.queue import Queue
from localcloud.servicebus.faults import Faults
from localcloud.servicebus.tokens import Authority
from localcloud.servicebus.wire.dispatcher import Dispatcher

__all__ = ["Hub"]


class Hub:
    """The broker and what belongs to it, as connections see it.

    Args:
        namespace: the queues.
        authority: verifies tokens.
        faults: the rules in force.
        settle_down: called before anything is answered, so that what was noted is kept first.
    """

    def __init__(
        self, namespace: Namespace, authority: Authority, faults: Faults, settle_down: Callable[[], None]
    ) -> None:
        self.namespace = namespace
        self.authority = authority
        self.faults = faults
        self.settle_down = settle_down
        self.counts: Counter[str] = Counter()
        self._dispatchers: dict[Queue, Dispatcher] = {}

    def dispatcher(self, queue: Queue) -> Dispatcher:
        """Return what hands a queue's messages to its receivers."""
        found = self._dispatchers.get(queue)
        if found is None:
            found = self._dispatchers[queue] = Dispatcher(queue)
        return found

    def enforce_status(self, queue: Queue) -> None:
        """End the receivers of a queue whose status lets nobody receive."""
        for each in _with_dead_letters(queue):
            try:
                each.check_receiving()
            except RefusedError as error:
                self._refuse(each, error)

    def end(self, queue: Queue, error: RefusedError) -> None:
        """End the receivers of a queue that is no more."""
        for each in _with_dead_letters(queue):
            self._refuse(each, error)
            self._dispatchers.pop(each, None)

    def _refuse(self, queue: Queue, error: RefusedError) -> None:
        if queue in self._dispatchers:
            self._dispatchers[queue].refuse(error)


def _with_dead_letters(queue: Queue) -> list[Queue]:
    return [queue] if queue.dead_letters is None else [queue, queue.dead_letters]
