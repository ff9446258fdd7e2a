"""Who gets a queue's next message, and who the next session."""

import asyncio
from typing import Protocol

from localcloud.servicebus.broker.errors import RefusedError
from localcloud.servicebus.broker.queue import Queue
from localcloud.servicebus.broker.sessions import Session

__all__ = ["Acceptor", "Consumer", "Dispatcher"]

# After so many messages each, connections get to write, and others to be read.
_ROUNDS_MAX = 100


class Consumer(Protocol):
    """A link that takes messages."""

    def deliver(self) -> bool:
        """Deliver one message; False where there is none, or no credit."""

    def refuse(self, error: RefusedError) -> None:
        """End: nothing more will come."""


class Acceptor(Protocol):
    """A link that waits for whichever session is next."""

    def lost(self, error: RefusedError) -> None:
        """The session's lock is lost."""

    def accepted(self, session: Session) -> None:
        """It has a session."""

    def refuse(self, error: RefusedError) -> None:
        """End: no session will come."""


class Dispatcher:
    """Hands the messages of one queue to its links, one each in turn.

    Args:
        queue: which tells it when messages become ready.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._consumers: list[Consumer] = []
        self._acceptors: list[Acceptor] = []
        self._woken = False
        queue.watch(self.wake)

    def add(self, consumer: Consumer) -> None:
        """Let a link take part."""
        self._consumers.append(consumer)

    def wait(self, acceptor: Acceptor) -> None:
        """Let a link wait for a session."""
        self._acceptors.append(acceptor)
        self.wake()

    def remove(self, link: Consumer | Acceptor) -> None:
        """Let a link take part no more."""
        self._consumers = [each for each in self._consumers if each is not link]
        self._acceptors = [each for each in self._acceptors if each is not link]

    def refuse(self, error: RefusedError) -> None:
        """End all links."""
        links: list[Consumer | Acceptor] = [*self._consumers, *self._acceptors]
        self._consumers, self._acceptors = [], []
        for link in links:
            link.refuse(error)

    def wake(self) -> None:
        """Look soon whether there is something to hand out, once for however many calls."""
        if not self._woken and (self._consumers or self._acceptors):
            self._woken = True
            asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        self._woken = False
        self._hand_out_sessions()
        for _ in range(_ROUNDS_MAX):
            # Not `any`, which would stop at the first that took one.
            if not sum([each.deliver() for each in list(self._consumers)]):
                break
        else:
            self.wake()
        # Who was first is last next time.
        self._consumers = self._consumers[1:] + self._consumers[:1]

    def _hand_out_sessions(self) -> None:
        while self._acceptors:
            session = self._queue.accept(None, self._acceptors[0].lost)
            if session is None:
                return
            self._acceptors.pop(0).accepted(session)
