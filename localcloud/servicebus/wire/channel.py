"""A session of AMQP on a connection: its links, their deliveries, and whom what comes is for."""

from typing import TYPE_CHECKING

from localcloud.servicebus.amqp.frames import disposition_frame, transfer_frames
from localcloud.servicebus.amqp.outcomes import Outcome, outcome_of
from localcloud.servicebus.amqp.performatives import (
    Attach,
    Begin,
    Detach,
    Disposition,
    Flow,
    Performative,
    Transfer,
)
from localcloud.servicebus.wire.link import Link
from localcloud.servicebus.wire.nodes import link_of
from localcloud.servicebus.wire.outbound import Outbound

if TYPE_CHECKING:
    from localcloud.servicebus.wire.connection import Connection

__all__ = ["Channel"]

# The window that a client may fill is never the limit: credit is.
_WINDOW = 0x7FFFFFFF
_HANDLE_MAX = 255


class Channel:
    """A session of AMQP.

    Args:
        connection: that it is on.
        number: of the channel, in both directions.
        begin: what the client began it with.
    """

    def __init__(self, connection: "Connection", number: int, begin: Begin) -> None:
        self.connection = connection
        self._number = number
        self._links: dict[int, Link] = {}
        self._next_incoming = begin.next_outgoing_id
        self._next_delivery = self._next_outgoing = 0
        self._peer_window = begin.incoming_window
        # Deliveries that the client still owes an outcome: the link and the tag, by delivery id.
        self._unsettled: dict[int, tuple[Link, bytes]] = {}

    @property
    def open_for_deliveries(self) -> bool:
        """Whether messages may be sent on it now."""
        return self._peer_window > 0 and self.connection.open_for_deliveries

    def begin(self) -> None:
        """Answer the client's begin."""
        self.send(Begin(self._number, 0, _WINDOW, _WINDOW, _HANDLE_MAX).encode())

    def send(self, body: bytes) -> None:
        """Send a performative."""
        self.connection.send(body, self._number)

    def deliver(self, link: Link, tag: bytes, message: bytes, *, settled: bool) -> None:
        """Send a message on a link; unless it is `settled`, its outcome is awaited."""
        delivery = self._next_delivery, tag
        self._next_delivery += 1
        if not settled:
            self._unsettled[delivery[0]] = link, tag
        bytes_max = self.connection.peer_frame_bytes_max
        frames = transfer_frames(
            self._number, link.handle, delivery, message, settled=settled, bytes_max=bytes_max
        )
        self._next_outgoing += len(frames)
        self._peer_window -= len(frames)
        self.connection.send_frames(frames)

    def settle(self, delivery_id: int, outcome: Outcome, *, receiver: bool) -> None:
        """Tell the client the outcome of a delivery, settled; as its `receiver` or else its sender."""
        # One frame each, though several could share one: azure-servicebus waits out its socket's timeout
        # for every message that it settles at the same time and whose outcome came in another's frame.
        told = disposition_frame(self._number, receiver=receiver, delivery_id=delivery_id, outcome=outcome)
        self.connection.send_frames([told])

    def send_flow(self, link: Link, delivery_count: int, credit: int, *, drain: bool = False) -> None:
        """Tell the client a link's credit."""
        window = self._next_incoming, _WINDOW, self._next_outgoing, _WINDOW
        self.send(Flow(*window, link.handle, delivery_count, credit, drain=drain).encode())

    def replies_to(self, address: str) -> "Link | None":
        """Return the link on which replies of a node go to the client."""
        found = (each for each in self._links.values() if each.attach.role and each.address == address)
        return next(found, None)

    def holds(self, path: str, session_id: str) -> bool:
        """Whether one of its links holds a session of a queue."""
        links = (link for link in self._links.values() if isinstance(link, Outbound))
        return any(link.holds(path, session_id) for link in links)

    def forget(self, link: Link) -> None:
        """Have a link no more."""
        self._links.pop(link.handle, None)
        self._unsettled = {
            number: entry for number, entry in self._unsettled.items() if entry[0] is not link
        }
        link.closed()

    def wake(self) -> None:
        """Look whether there is something to deliver."""
        for link in self._links.values():
            link.wake()

    def close(self) -> None:
        """Have no links any more."""
        for link in list(self._links.values()):
            self.forget(link)

    def take(self, performative: Performative, payload: bytes) -> None:
        """Take a performative that came for this session."""
        match performative:
            case Transfer():
                self._next_incoming += 1
                if (link := self._links.get(performative.handle)) is not None:
                    link.take_transfer(performative, payload)
            case Disposition():
                self._take_disposition(performative)
            case Flow():
                self._take_flow(performative)
            case Attach():
                self._links[performative.handle] = link_of(self, performative)
                self._links[performative.handle].open()
            case Detach():
                self._take_detach(performative)

    def _take_flow(self, flow: Flow) -> None:
        # What the client has not seen yet is under way in its window.
        seen = flow.next_incoming_id if flow.next_incoming_id is not None else 0
        self._peer_window = seen + flow.incoming_window - self._next_outgoing
        if flow.handle is None:
            self.wake()
        elif (link := self._links.get(flow.handle)) is not None:
            link.take_flow(flow)

    def _take_disposition(self, disposition: Disposition) -> None:
        if not disposition.role:
            return
        outcome, settled = outcome_of(disposition.state), bool(disposition.settled)
        first = disposition.first
        last = first if disposition.last is None else disposition.last
        if first == last:
            numbers = [first]
        else:
            numbers = [number for number in self._unsettled if first <= number <= last]
        for number in numbers:
            entry = self._unsettled.pop(number, None)
            if entry is not None:
                entry[0].take_outcome(entry[1], number, outcome, settled=settled)

    def _take_detach(self, detach: Detach) -> None:
        link = self._links.get(detach.handle)
        if link is not None:
            self.forget(link)
            self.send(Detach(detach.handle, closed=True).encode())
