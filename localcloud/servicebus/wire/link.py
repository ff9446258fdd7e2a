"""What a channel asks of a link, and how links are refused and ended."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from localcloud.servicebus.amqp.outcomes import AmqpError, Outcome
from localcloud.servicebus.amqp.performatives import Attach, Detach, Flow, Terminus, Transfer, terminus_of
from localcloud.servicebus.broker.errors import RefusedError, entity_not_found, unauthorized
from localcloud.servicebus.broker.namespace import path_of
from localcloud.servicebus.tokens import covers
from localcloud.servicebus.wire.call import Call

if TYPE_CHECKING:
    from localcloud.servicebus.wire.channel import Channel
    from localcloud.servicebus.wire.hub import Hub

__all__ = ["Link", "error_of"]


class Link:
    """One end of a link; its handle is the client's, in both directions.

    Args:
        channel: that it belongs to.
        attach: what the client asked for.
    """

    def __init__(self, channel: "Channel", attach: Attach) -> None:
        self.channel = channel
        self.handle = attach.handle
        self.attach = attach
        self.attached = False
        asked = terminus_of(attach.source if attach.role else attach.target)
        self.address = asked.address if asked else ""
        self.path = path_of(self.address)

    @property
    def hub(self) -> "Hub":
        """What all connections share."""
        return self.channel.connection.hub

    def open(self) -> None:
        """Attach the link, or refuse it."""
        self.channel.connection.perform(Call("attach", self.path, self.prepare, self.refuse))

    def prepare(self) -> Callable[[], None]:
        """Do what attaching means here, and return what confirms it.

        Raises:
            RefusedError: it is not to be attached.
        """
        raise entity_not_found(self.path)

    def check_granted(self, path: str) -> None:
        """Raise unauthorized unless a token on this connection covers a path."""
        if not covers(self.channel.connection.granted, path):
            raise unauthorized(f"Unauthorized access: no token on this connection covers '{path}'.")

    def take_transfer(self, transfer: Transfer, payload: bytes) -> None:
        """Take a frame of a delivery."""

    def take_flow(self, flow: Flow) -> None:
        """Take what the client is ready for."""

    def take_outcome(self, tag: bytes, delivery_id: int, outcome: Outcome | None, *, settled: bool) -> None:
        """Take the outcome of a delivery."""

    def wake(self) -> None:
        """Look whether there is something to deliver."""

    def closed(self) -> None:
        """The link is gone, however that came about."""

    def confirm(
        self,
        *,
        source: Terminus | None = None,
        message_bytes_max: int | None = None,
        properties: dict[Any, Any] | None = None,
    ) -> None:
        """Tell the client that the link is attached, with its own termini unless another source is given.

        Args:
            source: in place of the client's.
            message_bytes_max: that the link takes.
            properties: of the link.
        """
        asked = self.attach
        source, target = source or terminus_of(asked.source), terminus_of(asked.target)
        answer = Attach(
            asked.name,
            self.handle,
            not asked.role,
            asked.snd_settle_mode,
            asked.rcv_settle_mode,
            source.source() if source else None,
            target.target() if target else None,
            initial_delivery_count=0,
            max_message_size=message_bytes_max,
            properties=properties,
        )
        self.attached = True
        self.channel.send(answer.encode())

    def refuse(self, error: RefusedError) -> None:
        """End the link with an error, after attaching it without termini where it is not attached yet."""
        if not self.attached:
            answer = Attach(self.attach.name, self.handle, not self.attach.role, initial_delivery_count=0)
            self.channel.send(answer.encode())
        self.channel.forget(self)
        self.channel.send(Detach(self.handle, closed=True, error=error_of(error).described()).encode())


def error_of(error: RefusedError) -> AmqpError:
    """Return a refusal as an error of the protocol."""
    return AmqpError(error.condition, error.description)
