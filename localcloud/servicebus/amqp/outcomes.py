"""How a delivery ends, and the error that says why something did not work (parts 2.8.14 and 3.4)."""

from dataclasses import dataclass, field
from typing import Any

from localcloud.servicebus.amqp.encoding import encode
from localcloud.servicebus.amqp.types import Described, Symbol

__all__ = ["ACCEPTED", "RELEASED", "Accepted", "AmqpError", "Modified", "Outcome", "Rejected", "Released"]


@dataclass(frozen=True, slots=True)
class AmqpError:
    """An error of the protocol.

    Attributes:
        condition: what kind, such as ``amqp:not-found``.
        description: a sentence.
        info: more, by name.
    """

    condition: str
    description: str = ""
    info: dict[str, Any] = field(default_factory=dict)

    def described(self) -> Described:
        """Return it as a value to encode, with all fields, as clients index them unseen."""
        return Described(0x1D, [Symbol(self.condition), self.description, None])


@dataclass(frozen=True, slots=True)
class Accepted:
    """Done: a sent message is kept, a received one may go."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Refused; from a receiver of Service Bus: into the dead-letter queue."""

    error: AmqpError | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """Given back as if it had never been delivered."""


@dataclass(frozen=True, slots=True)
class Modified:
    """Given back after a failed delivery; not to be delivered here again means deferred."""

    delivery_failed: bool = False
    undeliverable_here: bool = False


Outcome = Accepted | Rejected | Released | Modified
ACCEPTED, RELEASED = Accepted(), Released()


def encode_outcome(outcome: Outcome) -> bytes:
    """Return the encoding of an outcome."""
    match outcome:
        case Accepted():
            return b"\x00\x53\x24\x45"
        case Released():
            return b"\x00\x53\x26\x45"
        case Rejected(error):
            return encode(Described(0x25, [error.described() if error else None]))
        case Modified(failed, undeliverable):
            return encode(Described(0x27, [failed, undeliverable, None]))


def outcome_of(value: Any) -> Outcome | None:
    """Return the outcome that a decoded delivery state holds, or None where it holds none."""
    if not isinstance(value, Described):
        return None
    fields = [*(value.value or []), None, None]
    match value.descriptor:
        case 0x24:
            return ACCEPTED
        case 0x25:
            return Rejected(error_of(fields[0]))
        case 0x26:
            return RELEASED
        case 0x27:
            return Modified(bool(fields[0]), bool(fields[1]))
    return None


def error_of(value: Any) -> AmqpError | None:
    """Return the error in a decoded field."""
    if not isinstance(value, Described):
        return None
    condition, description, info = [*value.value, None, None, None][:3]
    return AmqpError(str(condition), description or "", {str(k): v for k, v in (info or {}).items()})
