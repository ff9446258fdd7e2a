"""Where the messages of one queue are: waiting, scheduled, locked, set aside; and how they move between.

Nothing here asks whether it may: that is `Queue`'s part.
"""

from collections.abc import Callable
from heapq import heappop, heappush

from localcloud.servicebus.broker.deadletters import Reason, delivered_too_often, expired
from localcloud.servicebus.broker.errors import session_lock_lost
from localcloud.servicebus.broker.journal import Journal
from localcloud.servicebus.broker.lane import Lane
from localcloud.servicebus.broker.locks import Locks
from localcloud.servicebus.broker.message import Message, State
from localcloud.servicebus.broker.render import with_properties
from localcloud.servicebus.broker.sessions import Session, Sessions
from localcloud.servicebus.broker.settings import QueueSettings
from localcloud.servicebus.broker.store import Store

__all__ = ["Shelf"]


class Shelf:
    """The messages of one queue.

    Args:
        path: of the queue, for the journal.
        settings: of the queue; may be replaced.
        journal: told of every change.
        bury: takes a message into the dead-letter queue; None for the shelf of such a queue, where messages
            neither expire nor are moved on.
    """

    def __init__(
        self,
        path: str,
        settings: QueueSettings,
        journal: Journal,
        bury: Callable[[Message], None] | None,
    ) -> None:
        self.settings = settings
        self.store = Store(path, journal)
        self.locks = Locks()
        self.sessions = Sessions()
        self.lane = Lane()
        self.on_ready: Callable[[], None] = lambda: None
        self._bury = bury
        self._schedule: list[tuple[int, int]] = []
        self._expiry: list[tuple[int, int]] = []

    def put(self, message: Message, now_ms: int) -> None:
        """Take in a new message: active, or scheduled where its time is still to come."""
        message.enqueued_ms = now_ms
        if message.scheduled_ms is not None and message.scheduled_ms > now_ms:
            message.state = State.SCHEDULED
            self.store.add(message)
            heappush(self._schedule, (message.scheduled_ms, message.number))
        else:
            self._activate(message, now_ms)

    def adopt(self, message: Message) -> None:
        """Take in a message of the queue that this is the dead-letter queue of."""
        message.first_number, message.expires_ms = message.number, None
        message.state = State.ACTIVE
        self.store.add(message)
        self._wait(message)
        self.on_ready()

    def restore(self, message: Message) -> None:
        """Put back a message as the journal kept it."""
        self.store.restore(message)
        if message.state == State.SCHEDULED:
            heappush(self._schedule, (message.scheduled_ms or 0, message.number))
        elif message.state == State.ACTIVE:
            self._wait(message)

    def next(self, lane: Lane, now_ms: int) -> Message | None:
        """Take the next message that waits out of its lane."""
        while (message := self._first(lane)) is not None:
            lane.pop()
            if not message.expired(now_ms):
                return message
            self._expire(message)
        return None

    def has_messages(self, lane: Lane, now_ms: int) -> bool:
        """Whether a message waits in a lane."""
        message = self.next(lane, now_ms)
        if message is not None:
            lane.push(message.number)
        return message is not None

    def lock(self, message: Message, session: Session | None, now_ms: int) -> None:
        """Lock a message, as long as its session is where it is received in one."""
        if session is None:
            self.locks.grant(message, self.lock_end(now_ms))
        else:
            session.tags.add(self.locks.grant(message, session.locked_until_ms, expires=False))

    def lock_end(self, now_ms: int) -> int:
        """Return until when a lock lasts that is taken now."""
        return now_ms + round(self.settings.lock_seconds * 1000)

    def remove(self, message: Message) -> None:
        """Take a message out for good."""
        self.unlock(message)
        self.store.remove(message)
        if self._in_session(message):
            session = self._session_of(message)
            self._first(session.lane)
            self.sessions.tidy(session)

    def give_back(self, message: Message, now_ms: int, *, failed: bool) -> None:
        """Unlock a message; it takes its old place, or is dead-lettered after too many failures."""
        self.unlock(message)
        message.deliveries += failed
        if message.state == State.DEFERRED:
            self.store.change(message, State.DEFERRED)
        elif failed and self._bury and message.deliveries >= self.settings.max_delivery_count:
            self.dead_letter(message, delivered_too_often(message.deliveries))
        elif message.expired(now_ms):
            self._expire(message)
        else:
            if failed:
                self.store.change(message, message.state)
            self._wait(message)
            self.on_ready()

    def set_aside(self, message: Message) -> None:
        """Defer a message."""
        self.unlock(message)
        message.deliveries += 1
        self.store.change(message, State.DEFERRED)

    def dead_letter(self, message: Message, reason: Reason) -> None:
        """Move a message to the dead-letter queue."""
        self.remove(message)
        with_properties(message, reason.properties())
        if self._bury is not None:
            self._bury(message)

    def unlock(self, message: Message) -> None:
        """Forget the lock of a message."""
        if message.tag is not None and self._in_session(message):
            self._session_of(message).tags.discard(message.tag)
        self.locks.release(message)

    def locked_in(self, session: Session) -> list[Message]:
        """Return the locked messages of a session in order."""
        found = [message for tag in session.tags if (message := self.locks.get(tag)) is not None]
        return sorted(found, key=lambda message: message.number)

    def release(self, session: Session, now_ms: int, *, failed: bool) -> None:
        """Take a session from its holder; its locked messages take their old places."""
        for message in self.locked_in(session):
            self.give_back(message, now_ms, failed=failed)
        self.sessions.unlock(session)
        self.on_ready()

    def lose(self, session: Session, now_ms: int) -> None:
        """Take a session from its holder, who is told."""
        lost = session.lost
        self.release(session, now_ms, failed=True)
        if lost is not None:
            lost(session_lock_lost(session.id))

    def tick(self, now_ms: int) -> None:
        """Do what is due: locks expire, scheduled messages become active, others expire."""
        for message in self.locks.expired(now_ms):
            self.give_back(message, now_ms, failed=True)
        for session in self.sessions.expired(now_ms):
            self.lose(session, now_ms)
        while self._schedule and self._schedule[0][0] <= now_ms:
            self._activate_scheduled(heappop(self._schedule)[1], now_ms)
        while self._expiry and self._expiry[0][0] <= now_ms:
            due = self.store.get(heappop(self._expiry)[1])
            if due is not None and due.tag is None and due.state == State.ACTIVE:
                self._expire(due)

    def _activate(self, message: Message, now_ms: int) -> None:
        default = self.settings.default_ttl_seconds
        lives = [message.ttl_ms, None if default is None else round(default * 1000)]
        message.ttl_ms = min((each for each in lives if each is not None), default=None)
        message.enqueued_ms, message.state = now_ms, State.ACTIVE
        if message.ttl_ms is not None:
            message.expires_ms = now_ms + message.ttl_ms
        self.store.add(message)
        self._wait(message)

    def _activate_scheduled(self, number: int, now_ms: int) -> None:
        # It goes behind the others under a new number, as if it had been sent now
        # (message-sequencing page of the Service Bus documentation).
        message = self.store.get(number)
        if message is not None and message.state == State.SCHEDULED:
            self.store.remove(message)
            self._activate(message, now_ms)
            self.on_ready()

    def _wait(self, message: Message) -> None:
        if message.expires_ms is not None:
            heappush(self._expiry, (message.expires_ms, message.number))
        if self._in_session(message):
            session = self._session_of(message)
            session.lane.push(message.number)
            self.sessions.offer(session)
        else:
            self.lane.push(message.number)

    def _first(self, lane: Lane) -> Message | None:
        """Return the first message that really waits in a lane, after dropping those before it."""
        while lane:
            message = self.store.get(lane.first())
            if message is not None and message.tag is None and message.state == State.ACTIVE:
                return message
            lane.pop()
        return None

    def _expire(self, message: Message) -> None:
        if self.settings.dead_letter_on_expiration:
            self.dead_letter(message, expired())
        else:
            self.remove(message)

    def _in_session(self, message: Message) -> bool:
        return self.settings.requires_session and message.session_id is not None

    def _session_of(self, message: Message) -> Session:
        return self.sessions.of(message.session_id or "")
