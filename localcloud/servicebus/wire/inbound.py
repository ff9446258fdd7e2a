"""The link on which a client sends to a queue."""

from collections.abc import Callable
from functools import partial

from localcloud.servicebus.amqp.decoding import DecodeError
from localcloud.servicebus.amqp.outcomes import ACCEPTED, Rejected
from localcloud.servicebus.amqp.performatives import Transfer
from localcloud.servicebus.amqp.types import Symbol, ULong
from localcloud.servicebus.broker.errors import RefusedError, too_large
from localcloud.servicebus.broker.parse import BATCH_FORMAT, parse_batch, parse_message
from localcloud.servicebus.broker.settings import batch_bytes_max, message_bytes_max
from localcloud.servicebus.wire.call import Call
from localcloud.servicebus.wire.link import Link, error_of

__all__ = ["Inbound"]

_CREDIT = 1000
_BATCH_BYTES_MAX = Symbol("com.microsoft:max-message-batch-size")


class Inbound(Link):
    """A client's sender to a queue."""

    _first: Transfer | None = None
    _parts: list[bytes]
    _bytes = 0
    _bytes_max = 0
    _deliveries = 0
    _credit = 0

    def prepare(self) -> Callable[[], None]:
        """Look whether the queue takes messages."""
        self.check_granted(self.path)
        namespace = self.hub.namespace
        queue = namespace.queue(self.path)
        queue.check_sending()
        self._bytes_max = message_bytes_max(queue.settings, namespace.tier)
        return self._confirm

    def take_transfer(self, transfer: Transfer, payload: bytes) -> None:
        """Put a delivery together, and send it on once it is whole."""
        if self._first is None:
            self._first, self._parts, self._bytes = transfer, [], 0
        self._bytes += len(payload)
        # Of what is too large anyway only the size is of interest.
        if self._bytes <= self._bytes_max:
            self._parts.append(payload)
        if transfer.aborted:
            self._first = None
        elif not transfer.more:
            first, self._first = self._first, None
            self._complete(first, b"".join(self._parts), self._bytes)

    def _confirm(self) -> None:
        bytes_max, tier = self._bytes_max, self.hub.namespace.tier
        self.confirm(
            message_bytes_max=bytes_max, properties={_BATCH_BYTES_MAX: ULong(batch_bytes_max(tier))}
        )
        self._grant()

    def _grant(self) -> None:
        self._credit = _CREDIT
        self.channel.send_flow(self, self._deliveries, _CREDIT)

    def _complete(self, first: Transfer, encoded: bytes, size: int) -> None:
        self._deliveries += 1
        self._credit -= 1
        batch = first.message_format == BATCH_FORMAT
        act = partial(self._send, first, encoded, size, batch=batch)
        call = Call("send", self.path, act, partial(self._reject, first), end=self.refuse)
        self.channel.connection.perform(call)
        if self._credit < _CREDIT // 2:
            self._grant()

    def _send(self, first: Transfer, encoded: bytes, size: int, *, batch: bool) -> Callable[[], None]:
        namespace = self.hub.namespace
        bytes_max = batch_bytes_max(namespace.tier) if batch else self._bytes_max
        if size > bytes_max:
            raise too_large(size, bytes_max)
        try:
            messages = parse_batch(encoded) if batch else [parse_message(encoded)]
        except DecodeError as error:
            raise RefusedError("amqp:decode-error", str(error)) from None
        namespace.queue(self.path).send(messages)
        self.hub.counts["messages sent"] += len(messages)
        return partial(self._accept, first)

    def _accept(self, first: Transfer) -> None:
        if not first.settled:
            self.channel.settle(first.delivery_id or 0, ACCEPTED, receiver=True)

    def _reject(self, first: Transfer, error: RefusedError) -> None:
        if not first.settled:
            self.channel.settle(first.delivery_id or 0, Rejected(error_of(error)), receiver=True)
