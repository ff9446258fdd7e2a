"""Requests and replies on a pair of links: what ``$cbs`` and ``$management`` have in common."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

from localcloud.servicebus.amqp.decoding import DecodeError, decode
from localcloud.servicebus.amqp.encoding import encode, encode_described
from localcloud.servicebus.amqp.outcomes import ACCEPTED
from localcloud.servicebus.amqp.performatives import Flow, Transfer
from localcloud.servicebus.amqp.sections import APPLICATION_PROPERTIES, PROPERTIES, VALUE, sections
from localcloud.servicebus.amqp.types import Int, ULong
from localcloud.servicebus.broker.errors import RefusedError, argument_error
from localcloud.servicebus.wire.call import Call
from localcloud.servicebus.wire.link import Link

__all__ = ["ReplyLink", "Request", "RequestLink"]

_CREDIT = 1000


@dataclass(slots=True)
class Request:
    """A request.

    Attributes:
        message_id: what the reply refers to.
        properties: application properties.
        body: the value in it.
    """

    message_id: Any = None
    properties: dict[str, Any] = field(default_factory=dict)
    body: Any = None

    @property
    def operation(self) -> str:
        """What is asked for, without the vendor's prefix."""
        return str(self.properties.get("operation", "")).removeprefix("com.microsoft:")


class ReplyLink(Link):
    """The link on which a client takes replies of a node."""

    _credit = 0
    _deliveries = 0
    _waiting: list[bytes]

    def prepare(self) -> Callable[[], None]:
        """Let anybody listen; it is requests that are refused."""
        self._waiting = []
        return self.confirm

    def reply(self, encoded: bytes) -> None:
        """Send a reply, once the client has credit for it."""
        self._waiting.append(encoded)
        self._send()

    def take_flow(self, flow: Flow) -> None:
        """Take credit for replies."""
        self._credit = (flow.delivery_count or 0) + (flow.link_credit or 0) - self._deliveries
        self._send()

    def _send(self) -> None:
        while self._waiting and self._credit > 0:
            self._credit -= 1
            self._deliveries += 1
            self.channel.deliver(self, uuid4().bytes, self._waiting.pop(0), settled=True)


class RequestLink(Link):
    """The link on which a client makes requests of a node.

    A node says what it does in `answer`, and how its replies name their parts.
    """

    status_name = "statusCode"
    description_name = "statusDescription"
    condition_name: str | None = "errorCondition"
    _parts: list[bytes]
    _deliveries = 0

    def prepare(self) -> Callable[[], None]:
        """Take requests."""
        self._parts = []
        return self._confirm

    def answer(self, request: Request) -> tuple[int, Any]:
        """Do what is asked and return the status and body of the reply.

        Raises:
            RefusedError: it is refused; the reply says so.
        """
        raise argument_error(f"'{request.operation}' is not known here")

    def take_transfer(self, transfer: Transfer, payload: bytes) -> None:
        """Put a request together, and answer it once it is whole."""
        self._parts.append(payload)
        if transfer.more:
            return
        encoded, self._parts = b"".join(self._parts), []
        self._deliveries += 1
        if not transfer.settled:
            self.channel.settle(transfer.delivery_id or 0, ACCEPTED, receiver=True)
        if self._deliveries % (_CREDIT // 2) == 0:
            self._grant()
        self._perform(_request_of(encoded))

    def _confirm(self) -> None:
        self.confirm()
        self._grant()

    def _grant(self) -> None:
        self.channel.send_flow(self, self._deliveries, _CREDIT)

    def _perform(self, request: Request) -> None:
        path = self.path.removesuffix("/$management")
        act, refuse = partial(self._act, request), partial(self._refuse, request)
        self.channel.connection.perform(Call(request.operation, path, act, refuse))

    def _act(self, request: Request) -> Callable[[], None]:
        try:
            status, body = self.answer(request)
        except (DecodeError, KeyError, TypeError, ValueError) as error:
            raise argument_error(f"{request.operation}: {error!r}") from None
        return partial(self._reply, request, {self.status_name: status, self.description_name: "OK"}, body)

    def _refuse(self, request: Request, error: RefusedError) -> None:
        told: dict[str, Any] = {self.status_name: error.status, self.description_name: error.description}
        if self.condition_name is not None:
            told[self.condition_name] = error.condition
        self._reply(request, told, None)

    def _reply(self, request: Request, told: dict[str, Any], body: Any) -> None:
        link = self.channel.replies_to(self.address)
        if isinstance(link, ReplyLink):
            link.reply(_encode_reply(request, told, body))


def _request_of(encoded: bytes) -> Request:
    request = Request()
    for section in sections(encoded):
        value, _ = decode(encoded, section.value_at)
        if section.code == PROPERTIES and value:
            request.message_id = ULong(value[0]) if isinstance(value[0], int) else value[0]
        elif section.code == APPLICATION_PROPERTIES:
            request.properties = value or {}
        elif section.code == VALUE:
            request.body = value
    return request


def _encode_reply(request: Request, told: dict[str, Any], body: Any) -> bytes:
    properties = [None] * 5 + [request.message_id] + [None] * 7
    named = {name: Int(value) if isinstance(value, int) else value for name, value in told.items()}
    reply = encode_described(PROPERTIES, encode(properties))
    reply += encode_described(APPLICATION_PROPERTIES, encode(named))
    return reply + encode_described(VALUE, encode(body))
