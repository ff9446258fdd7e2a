"""The performatives of transport and SASL (parts 2.7 and 5.3): bytes to objects and back.

Fields have the standard's names and order. Written are those that a broker sends; read are all.
"""

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from localcloud.servicebus.amqp.decoding import DecodeError, decode
from localcloud.servicebus.amqp.encoding import encode, encode_described
from localcloud.servicebus.amqp.types import Array, Described, Symbol, UByte, UInt, ULong, UShort

__all__ = [
    "Attach",
    "Begin",
    "Close",
    "Detach",
    "Disposition",
    "End",
    "Flow",
    "Open",
    "Performative",
    "SaslInit",
    "Terminus",
    "Transfer",
    "decode_performative",
]

SASL_MECHANISMS = encode_described(0x40, encode([Array(Symbol, ["MSSBCBS", "ANONYMOUS"])]))
SASL_OUTCOME_OK = encode_described(0x44, encode([UByte(0), None]))


@dataclass(slots=True)
class Performative:
    """One performative: its code, and how each field goes over the wire (None: as its type says)."""

    code: ClassVar[int]
    wire: ClassVar[tuple[type | None, ...]]

    def encode(self) -> bytes:
        """Return its encoding, with all fields."""
        values = (getattr(self, name) for name in _NAMES[self.code])
        pairs = zip(self.wire, values, strict=True)
        return encode_described(self.code, encode([_typed(kind, value) for kind, value in pairs]))


@dataclass(slots=True)
class Open(Performative):
    """Opens a connection; `idle_time_out` is in milliseconds."""

    code = 0x10
    wire = (None, None, UInt, UShort, UInt, None, None, None, None, None)
    container_id: str
    hostname: str | None = None
    max_frame_size: int | None = None
    channel_max: int | None = None
    idle_time_out: int | None = None
    outgoing_locales: Any = None
    incoming_locales: Any = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: Any = None


@dataclass(slots=True)
class Begin(Performative):
    """Begins a session on a channel."""

    code = 0x11
    wire = (UShort, UInt, UInt, UInt, UInt, None, None, None)
    remote_channel: int | None = None
    next_outgoing_id: int = 0
    incoming_window: int = 0
    outgoing_window: int = 0
    handle_max: int | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: Any = None


@dataclass(slots=True)
class Terminus:
    """A source or a target, as far as Service Bus fills it.

    Attributes:
        address: which node.
        filters: of a source: name to value; a described filter is given without its descriptor.
    """

    address: str
    filters: dict[str, Any] | None = None

    def source(self) -> Described:
        """Return it as a source to encode."""
        filters = self.filters and {Symbol(name): value for name, value in self.filters.items()}
        return Described(0x28, [self.address, *[None] * 6, filters, None, None, None])

    def target(self) -> Described:
        """Return it as a target to encode."""
        return Described(0x29, [self.address, *[None] * 6])


@dataclass(slots=True)
class Attach(Performative):
    """Attaches a link; `role` is True for a receiver. A terminus is None, or a described list."""

    code = 0x12
    wire = (None, UInt, None, UByte, UByte, None, None, None, None, UInt, ULong, None, None, None)
    name: str
    handle: int
    role: bool
    snd_settle_mode: int | None = None
    rcv_settle_mode: int | None = None
    source: Any = None
    target: Any = None
    unsettled: Any = None
    incomplete_unsettled: Any = None
    initial_delivery_count: int | None = None
    max_message_size: int | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: Any = None


@dataclass(slots=True)
class Flow(Performative):
    """Tells what a session, and with a handle a link, is ready to take."""

    code = 0x13
    wire = (UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt, None, None, None)
    next_incoming_id: int | None = None
    incoming_window: int = 0
    next_outgoing_id: int = 0
    outgoing_window: int = 0
    handle: int | None = None
    delivery_count: int | None = None
    link_credit: int | None = None
    available: int | None = None
    drain: bool | None = None
    echo: bool | None = None
    properties: Any = None


@dataclass(slots=True)
class Transfer(Performative):
    """A frame of a delivery; the message's bytes follow it."""

    code = 0x14
    wire = (UInt, UInt, None, UInt, None, None, UByte, None, None, None, None)
    handle: int
    delivery_id: int | None = None
    delivery_tag: bytes | None = None
    message_format: int | None = None
    settled: bool | None = None
    more: bool | None = None
    rcv_settle_mode: int | None = None
    state: Any = None
    resume: bool | None = None
    aborted: bool | None = None
    batchable: bool | None = None


@dataclass(slots=True)
class Disposition(Performative):
    """What became of the deliveries `first` to `last`; `role` is True where a receiver says so."""

    code = 0x15
    wire = (None, UInt, UInt, None, None, None)
    role: bool
    first: int
    last: int | None = None
    settled: bool | None = None
    state: Any = None
    batchable: bool | None = None


@dataclass(slots=True)
class Detach(Performative):
    """Detaches a link; the error is a described list."""

    code = 0x16
    wire = (UInt, None, None)
    handle: int
    closed: bool | None = None
    error: Any = None


@dataclass(slots=True)
class End(Performative):
    """Ends a session."""

    code = 0x17
    wire = (None,)
    error: Any = None


@dataclass(slots=True)
class Close(Performative):
    """Closes a connection."""

    code = 0x18
    wire = (None,)
    error: Any = None


@dataclass(slots=True)
class SaslInit(Performative):
    """A client's choice of how to say who it is."""

    code = 0x41
    wire = (Symbol, None, None)
    mechanism: str
    initial_response: bytes | None = None
    hostname: str | None = None


_CLASSES: dict[int, type[Performative]] = {
    kind.code: kind
    for kind in (Open, Begin, Attach, Flow, Transfer, Disposition, Detach, End, Close, SaslInit)
}
_NAMES: dict[int, tuple[str, ...]] = {
    code: tuple(each.name for each in fields(kind)) for code, kind in _CLASSES.items()
}


def decode_performative(data: bytes) -> tuple[Performative, int]:
    """Return the performative that a frame's body begins with, and the offset of what follows it.

    Raises:
        DecodeError: there is none, or it lacks a field that it must have.
    """
    described, at = decode(data)
    if not isinstance(described, Described) or described.descriptor not in _CLASSES:
        raise DecodeError("a frame does not begin with a performative")
    kind = _CLASSES[int(described.descriptor)]
    try:
        return kind(*described.value), at
    except TypeError as error:
        raise DecodeError(f"{kind.__name__}: {error}") from error


def terminus_of(value: Any) -> Terminus | None:
    """Return the source or target in a decoded field, or None where it has no address."""
    if not isinstance(value, Described) or not value.value or not value.value[0]:
        return None
    filters = value.value[7] if len(value.value) > 7 else None
    if not isinstance(filters, dict):
        return Terminus(str(value.value[0]))
    return Terminus(str(value.value[0]), {str(name): _plain(each) for name, each in filters.items()})


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Described) else value


def _typed(kind: type | None, value: Any) -> Any:
    return value if kind is None or value is None else kind(value)
