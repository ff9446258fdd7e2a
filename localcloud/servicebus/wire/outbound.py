"""The link on which a client receives from a queue, or from one session of it."""

import asyncio
import os
from collections.abc import Callable
from functools import partial

from localcloud.servicebus.amqp.outcomes import Accepted, Modified, Outcome, Rejected, Released
from localcloud.servicebus.amqp.performatives import Flow, Terminus, terminus_of
from localcloud.servicebus.amqp.types import Symbol
from localcloud.servicebus.broker.deadletters import Reason
from localcloud.servicebus.broker.errors import RefusedError, not_allowed, timed_out
from localcloud.servicebus.broker.queue import Queue
from localcloud.servicebus.broker.render import render
from localcloud.servicebus.broker.sessions import Session
from localcloud.servicebus.wire.call import Call
from localcloud.servicebus.wire.link import Link, error_of

__all__ = ["Outbound"]

_SESSION_FILTER = "com.microsoft:session-filter"
_LOCKED_UNTIL = Symbol("com.microsoft:locked-until-utc")
_TIMEOUT = "com.microsoft:timeout"
_TIMEOUT_SECONDS_DEFAULT = 60.0
# Of .NET: ticks of 100 ns from the year 1 to 1970.
_TICKS_OF_EPOCH = 621_355_968_000_000_000
_SETTLED = 1
# Rejecting is how a message is dead-lettered; told back with an error it would mean that this failed.
_ECHO_OF_REJECTED = Rejected()


class Outbound(Link):
    """A client's receiver from a queue."""

    _queue: Queue
    _session: Session | None = None
    _timer: asyncio.TimerHandle | None = None
    _credit = 0
    _deliveries = 0

    def prepare(self) -> Callable[[], None]:
        """Look whether the client may receive, and lock the session that it names."""
        self.check_granted(self.path)
        self._queue = self.hub.namespace.queue(self.path)
        self._queue.check_receiving()
        source = terminus_of(self.attach.source)
        filters = source.filters if source and source.filters else {}
        self._check_kind(sessionful=_SESSION_FILTER in filters)
        if _SESSION_FILTER not in filters:
            return self._confirm
        session_id = filters[_SESSION_FILTER]
        if session_id is None:
            return self._wait_for_session
        self._session = self._queue.accept(str(session_id), self.lost)
        return self._confirm_session

    def deliver(self) -> bool:
        """Deliver one message; False where there is none, or none is wanted now."""
        if self._credit <= 0 or not self.channel.open_for_deliveries:
            return False
        if not self.hub.faults:
            return self._take(self._deliver_now)
        if not self._queue.has_messages(self._session):
            return False
        self.channel.connection.perform(Call("receive", self.path, self._take_for_fault, self.refuse))
        return self.channel.open_for_deliveries

    def accepted(self, session: Session) -> None:
        """Have the session that it waited for."""
        self._session = session
        self._confirm_session()

    def lost(self, error: RefusedError) -> None:
        """Have the session no more."""
        self._session = None
        self.refuse(error)

    def holds(self, path: str, session_id: str) -> bool:
        """Whether it holds a session of a queue."""
        held = self._session is not None and self._session.id == session_id
        return held and self.path.lower() == path.lower()

    def take_flow(self, flow: Flow) -> None:
        """Take credit; drained credit is used up at once."""
        seen = flow.delivery_count or 0
        self._credit = seen + (flow.link_credit or 0) - self._deliveries
        if flow.drain:
            self._drain()
        elif flow.echo:
            self.channel.send_flow(self, self._deliveries, self._credit)
        self.wake()

    def take_outcome(self, tag: bytes, delivery_id: int, outcome: Outcome | None, *, settled: bool) -> None:
        """Settle a message as the client wants it."""
        if outcome is None:
            return
        act = partial(self._settle, tag, delivery_id, outcome, settled=settled)
        refuse = partial(self._refuse_outcome, delivery_id, settled=settled)
        lose_lock = partial(self._lose_lock, tag)
        self.channel.connection.perform(Call("settle", self.path, act, refuse, lose_lock))

    def wake(self) -> None:
        """Look soon whether there is something to deliver."""
        if self.attached:
            self.hub.dispatcher(self._queue).wake()

    def closed(self) -> None:
        """Give the session back; messages that are locked without one stay locked."""
        if self._timer is not None:
            self._timer.cancel()
        if self.attached or self._timer is not None:
            self.hub.dispatcher(self._queue).remove(self)
        session, self._session = self._session, None
        if session is not None:
            self._queue.release(session)

    def _check_kind(self, *, sessionful: bool) -> None:
        required = self._queue.settings.requires_session
        if sessionful and not required:
            raise not_allowed("A sessionful receiver cannot be created on an entity that has no sessions.")
        if required and not sessionful:
            raise not_allowed("An entity that requires sessions has no receivers without a session.")

    def _confirm(self) -> None:
        self.confirm()
        self.hub.dispatcher(self._queue).add(self)

    def _confirm_session(self) -> None:
        session = self._session
        if session is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        source = Terminus(self.address, {_SESSION_FILTER: session.id})
        ticks = _TICKS_OF_EPOCH + session.locked_until_ms * 10_000
        self.confirm(source=source, properties={_LOCKED_UNTIL: ticks})
        self.hub.dispatcher(self._queue).add(self)

    def _wait_for_session(self) -> None:
        milliseconds = (self.attach.properties or {}).get(_TIMEOUT)
        seconds = _TIMEOUT_SECONDS_DEFAULT if milliseconds is None else milliseconds / 1000
        self._timer = asyncio.get_running_loop().call_later(seconds, self.refuse, timed_out())
        self.hub.dispatcher(self._queue).wait(self)

    def _drain(self) -> None:
        while self.deliver():
            pass
        self._deliveries += max(self._credit, 0)
        self._credit = 0
        self.channel.send_flow(self, self._deliveries, 0, drain=True)

    def _take(self, deliver: Callable[[bytes, bytes], None]) -> bool:
        peek = self.attach.snd_settle_mode != _SETTLED
        message = self._queue.receive(self._session, lock=peek)
        if message is None:
            return False
        self._credit -= 1
        self._deliveries += 1
        deliver(message.tag or os.urandom(16), render(message))
        return True

    def _take_for_fault(self) -> Callable[[], None]:
        taken: list[Callable[[], None]] = []
        self._take(lambda tag, encoded: taken.append(partial(self._deliver_now, tag, encoded)))
        return lambda: [deliver() for deliver in taken].clear()

    def _deliver_now(self, tag: bytes, encoded: bytes) -> None:
        self.hub.counts["messages delivered"] += 1
        self.channel.deliver(self, tag, encoded, settled=self.attach.snd_settle_mode == _SETTLED)

    def _settle(
        self, tag: bytes, delivery_id: int, outcome: Outcome, *, settled: bool
    ) -> Callable[[], None]:
        queue, echo = self._queue, outcome
        match outcome:
            case Accepted():
                queue.complete(tag)
            case Released():
                queue.abandon(tag, failed=False)
            case Modified(_, True):
                queue.defer(tag)
            case Modified(failed, _):
                queue.abandon(tag, failed=failed)
            case Rejected(error):
                info = error.info if error else {}
                queue.dead_letter(
                    tag, Reason(info.get("DeadLetterReason"), info.get("DeadLetterErrorDescription"))
                )
                echo = _ECHO_OF_REJECTED
        return partial(self._tell, delivery_id, echo, settled=settled)

    def _tell(self, delivery_id: int, outcome: Outcome, *, settled: bool) -> None:
        if not settled:
            self.channel.settle(delivery_id, outcome, receiver=False)

    def _refuse_outcome(self, delivery_id: int, error: RefusedError, *, settled: bool) -> None:
        self._tell(delivery_id, Rejected(error_of(error)), settled=settled)

    def _lose_lock(self, tag: bytes) -> None:
        message = self._queue.shelf.locks.get(tag)
        if message is not None:
            self._queue.lose_lock(message)
