"""Sessions: messages of one group, in order, for one receiver at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from localcloud.servicebus.broker.errors import RefusedError, session_cannot_be_locked, session_lock_lost
from localcloud.servicebus.broker.lane import Lane

__all__ = ["Session", "Sessions"]

Lost = Callable[[RefusedError], None]


@dataclass(slots=True, eq=False)
class Session:
    """A session.

    Attributes:
        id: of the group.
        lane: its active messages that wait.
        tags: of its locked messages.
        state: what its holder stored with it.
        state_ms: when that was, since the epoch.
        lost: told when the lock is lost; None while nobody holds it.
        locked_until_ms: when the lock ends.
    """

    id: str
    lane: Lane = field(default_factory=Lane)
    tags: set[bytes] = field(default_factory=set)
    state: bytes | None = None
    state_ms: int = 0
    lost: Lost | None = None
    locked_until_ms: int = 0

    def check_held(self, now_ms: int) -> None:
        """Raise session-lock-lost unless somebody holds it."""
        if self.lost is None or self.locked_until_ms <= now_ms:
            raise session_lock_lost(self.id)


class Sessions:
    """The sessions of one queue that have messages, state or a holder."""

    def __init__(self) -> None:
        self._by_id: dict[str, Session] = {}
        # Those that nobody holds and that may have messages; whose turn is next comes first.
        self._free: dict[str, None] = {}
        self._due: list[tuple[int, str]] = []

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._by_id.values()))

    def of(self, session_id: str) -> Session:
        """Return the session of that id, new where there is none."""
        session = self._by_id.get(session_id)
        if session is None:
            session = self._by_id[session_id] = Session(session_id)
        return session

    def offer(self, session: Session) -> None:
        """Note that a session has messages."""
        if session.lost is None:
            self._free.setdefault(session.id)

    def free(self) -> list[Session]:
        """Return the sessions that may be accepted next, in turn."""
        return [self._by_id[each] for each in self._free if each in self._by_id]

    def lock(self, session: Session, until_ms: int, lost: Lost) -> None:
        """Give a session to a holder.

        Raises:
            RefusedError: somebody holds it.
        """
        if session.lost is not None:
            raise session_cannot_be_locked(session.id)
        session.lost = lost
        self._free.pop(session.id, None)
        self.renew(session, until_ms)

    def renew(self, session: Session, until_ms: int) -> None:
        """Let a session's lock last longer."""
        session.locked_until_ms = until_ms
        heappush(self._due, (until_ms, session.id))

    def unlock(self, session: Session) -> None:
        """Take a session from its holder."""
        session.lost = None
        if session.lane:
            self.offer(session)
        self.tidy(session)

    def expired(self, now_ms: int) -> list[Session]:
        """Return the sessions whose locks have expired."""
        found = []
        while self._due and self._due[0][0] <= now_ms:
            session = self._by_id.get(heappop(self._due)[1])
            if session and session.lost is not None and session.locked_until_ms <= now_ms:
                found.append(session)
        return found

    def tidy(self, session: Session) -> None:
        """Forget a session that has nothing."""
        if not session.lane and not session.tags and session.state is None and session.lost is None:
            self._by_id.pop(session.id, None)
            self._free.pop(session.id, None)
