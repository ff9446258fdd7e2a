"""One queue: the verbs of the service, and what it refuses."""

from collections.abc import Callable, Iterable
from itertools import islice

from localcloud.servicebus.broker.deadletters import SUFFIX, Reason
from localcloud.servicebus.broker.duplicates import Duplicates
from localcloud.servicebus.broker.errors import (
    entity_disabled,
    message_not_found,
    not_allowed,
    quota_exceeded,
)
from localcloud.servicebus.broker.journal import Journal
from localcloud.servicebus.broker.message import Message, State
from localcloud.servicebus.broker.sessions import Lost, Session
from localcloud.servicebus.broker.settings import QueueSettings
from localcloud.servicebus.broker.shelf import Shelf

__all__ = ["Queue"]

Clock = Callable[[], int]
# What a dead-letter queue does not have, whatever its queue has.
_OF_DEAD_LETTERS = {
    "requires_session": False,
    "duplicate_detection_seconds": None,
    "default_ttl_seconds": None,
    "dead_letter_on_expiration": False,
}


class Queue:
    """A queue with its dead-letter queue, or such a dead-letter queue, which has none.

    Args:
        path: its name, as first given.
        settings: what it is set to.
        clock: returns milliseconds since the epoch, never less than before.
        journal: told of every change.
    """

    def __init__(
        self, path: str, settings: QueueSettings, clock: Clock, journal: Journal, *, dead: bool = False
    ) -> None:
        self.path = path
        self._clock = clock
        self._journal = journal
        self.dead_letters: Queue | None = None
        if not dead:
            buried = settings.model_copy(update=_OF_DEAD_LETTERS)
            self.dead_letters = Queue(path + SUFFIX, buried, clock, journal, dead=True)
        bury = self.dead_letters.shelf.adopt if self.dead_letters else None
        self.shelf: Shelf = Shelf(path, settings, journal, bury)
        self.duplicates = Duplicates(None)
        self.change(settings)

    @property
    def settings(self) -> QueueSettings:
        """What the queue is set to."""
        return self.shelf.settings

    def change(self, settings: QueueSettings) -> None:
        """Set the queue to something else, for what happens from now on."""
        self.shelf.settings = settings
        window = settings.duplicate_detection_seconds
        self.duplicates.window_ms = None if window is None else round(window * 1000)
        if self.dead_letters is not None:
            self.dead_letters.change(settings.model_copy(update=_OF_DEAD_LETTERS))

    def watch(self, on_ready: Callable[[], None]) -> None:
        """Have `on_ready` called whenever messages become ready to be received."""
        self.shelf.on_ready = on_ready

    def check_sending(self) -> None:
        """Raise unless its status lets one send, or it is a dead-letter queue."""
        if self.dead_letters is None:
            raise not_allowed(f"Messages cannot be sent to the dead-letter queue '{self.path}'.")
        if self.settings.status in ("Disabled", "SendDisabled"):
            raise entity_disabled(self.path)

    def check_receiving(self) -> None:
        """Raise entity-disabled unless its status lets one receive."""
        if self.settings.status in ("Disabled", "ReceiveDisabled"):
            raise entity_disabled(self.path)

    def send(self, messages: list[Message]) -> list[int]:
        """Take messages, all or none, and return their sequence numbers.

        A duplicate is taken and vanishes; the number returned for it is nobody's.

        Raises:
            RefusedError: the queue is disabled or full, a dead-letter queue, or a session id is missing.
        """
        self.check_sending()
        self._check(messages)
        now = self._clock()
        numbers = [self._send(message, now) for message in messages]
        self.shelf.on_ready()
        return numbers

    def cancel(self, numbers: Iterable[int]) -> None:
        """Take scheduled messages out before they become active; duplicate detection remembers them.

        Raises:
            RefusedError: message-not-found; those before it are cancelled.
        """
        self.tick()
        for number in numbers:
            message = self.shelf.store.get(number)
            if message is None or message.state != State.SCHEDULED:
                raise message_not_found(number)
            self.shelf.remove(message)

    def receive(self, session: Session | None, *, lock: bool) -> Message | None:
        """Return the next active message, locked or else removed; None where none waits."""
        now = self._clock()
        message = self.shelf.next(session.lane if session else self.shelf.lane, now)
        if message is not None:
            self._hand_out(message, session, now, lock=lock)
        return message

    def has_messages(self, session: Session | None) -> bool:
        """Whether a message waits to be received, in a session or without one."""
        return self.shelf.has_messages(session.lane if session else self.shelf.lane, self._clock())

    def receive_deferred(self, numbers: list[int], session_id: str | None, *, lock: bool) -> list[Message]:
        """Return deferred messages by number, locked or else removed.

        Raises:
            RefusedError: message-not-found or session-lock-lost, and nothing is locked; entity-disabled.
        """
        self.check_receiving()
        self.tick()
        found = [self._deferred(number) for number in numbers]
        session = self._held(session_id) if session_id is not None else None
        for message in found:
            self._hand_out(message, session, self._clock(), lock=lock)
        return found

    def browse(self, number: int, count: int, session_id: str | None = None) -> list[Message]:
        """Return up to `count` messages of whatever state from a number on; it locks none."""
        self.tick()
        found = self.shelf.store.browse(number)
        return list(islice((m for m in found if session_id in (None, m.session_id)), count))

    def complete(self, tag: bytes) -> None:
        """Remove a locked message."""
        self.shelf.remove(self.locked(tag))

    def abandon(self, tag: bytes, *, failed: bool = True) -> None:
        """Give a locked message back; unless it `failed`, as if it had never been delivered."""
        self.shelf.give_back(self.locked(tag), self._clock(), failed=failed)

    def defer(self, tag: bytes) -> None:
        """Set a locked message aside; from now on it is received by its number only."""
        self.shelf.set_aside(self.locked(tag))

    def dead_letter(self, tag: bytes, reason: Reason) -> None:
        """Move a locked message to the dead-letter queue."""
        message = self.locked(tag)
        if self.dead_letters is None:
            raise not_allowed("A message of a dead-letter queue cannot be dead-lettered again.")
        self.shelf.dead_letter(message, reason)

    def locked(self, tag: bytes) -> Message:
        """Return the message that a tag locks.

        Raises:
            RefusedError: message-lock-lost; entity-disabled, as nothing is settled where none may receive.
        """
        self.check_receiving()
        return self.shelf.locks.find(tag, self._clock())

    def renew(self, tag: bytes) -> int:
        """Renew the lock of a message and return until when, in milliseconds since the epoch."""
        message = self.locked(tag)
        self.shelf.locks.renew(message, self.shelf.lock_end(self._clock()))
        return message.locked_until_ms

    def accept(self, session_id: str | None, lost: Lost) -> Session | None:
        """Lock a session, the one of an id or the next that has messages; None where none has.

        Raises:
            RefusedError: somebody holds the session of that id.
        """
        self.tick()
        sessions, now = self.shelf.sessions, self._clock()
        if session_id is not None:
            session = sessions.of(session_id)
        else:
            waiting = (each for each in sessions.free() if self.shelf.has_messages(each.lane, now))
            first = next(waiting, None)
            if first is None:
                return None
            session = first
        sessions.lock(session, self.shelf.lock_end(now), lost)
        return session

    def release(self, session: Session) -> None:
        """Take a session from its holder who closes it.

        That counts as no failed delivery of what is locked; a lock that expires does (message-sessions page
        of the Service Bus documentation).
        """
        self.shelf.release(session, self._clock(), failed=False)

    def renew_session(self, session_id: str) -> int:
        """Renew a session's lock and return until when, in milliseconds since the epoch."""
        session = self._held(session_id)
        self.shelf.sessions.renew(session, self.shelf.lock_end(self._clock()))
        for message in self.shelf.locked_in(session):
            message.locked_until_ms = session.locked_until_ms
        return session.locked_until_ms

    def session_state(self, session_id: str) -> bytes | None:
        """Return the state of a session that somebody holds."""
        return self._held(session_id).state

    def set_session_state(self, session_id: str, state: bytes | None) -> None:
        """Store state with a session that somebody holds; None removes it."""
        session, now = self._held(session_id), self._clock()
        session.state, session.state_ms = state, now
        self._journal.session_set(self.path, session_id, state, now)

    def session_ids(self, updated_after_ms: int | None) -> list[str]:
        """Return the sessions with messages or state, or those whose state is newer than a time."""
        if updated_after_ms is not None:
            stated = (each for each in self.shelf.sessions if each.state is not None)
            return [each.id for each in stated if each.state_ms > updated_after_ms]
        return [each.id for each in self.shelf.sessions if each.lane or each.tags or each.state is not None]

    def lose_lock(self, message: Message) -> None:
        """Let a lock expire now, with its session's where it has one; a fault to order."""
        now = self._clock()
        if message.session_id is not None and self.settings.requires_session:
            self.shelf.lose(self.shelf.sessions.of(message.session_id), now)
        else:
            self.shelf.give_back(message, now, failed=True)

    def tick(self) -> None:
        """Do what time has made due."""
        self.shelf.tick(self._clock())

    def _check(self, messages: list[Message]) -> None:
        if self.settings.requires_session and any(message.session_id is None for message in messages):
            raise not_allowed("The SessionId was not set on a message, and the entity requires sessions.")
        size = sum(message.size_bytes for message in messages)
        if self.shelf.store.size_bytes + size > self.settings.size_bytes_max:
            raise quota_exceeded(self.path)

    def _send(self, message: Message, now_ms: int) -> int:
        if not self.duplicates.take(message.message_id, now_ms):
            return self.shelf.store.reserve()
        if self.duplicates.window_ms is not None and message.message_id is not None:
            self._journal.seen(self.path, message.message_id, now_ms)
        self.shelf.put(message, now_ms)
        return message.number

    def _hand_out(self, message: Message, session: Session | None, now_ms: int, *, lock: bool) -> None:
        if lock:
            self.shelf.lock(message, session, now_ms)
        else:
            self.shelf.remove(message)

    def _deferred(self, number: int) -> Message:
        message = self.shelf.store.get(number)
        if message is None or message.state != State.DEFERRED or message.tag is not None:
            raise message_not_found(number)
        return message

    def _held(self, session_id: str) -> Session:
        session = self.shelf.sessions.of(session_id)
        try:
            session.check_held(self._clock())
        except Exception:
            self.shelf.sessions.tidy(session)
            raise
        return session
