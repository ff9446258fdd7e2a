"""The sections of a message, found without copying what they hold (part 3, section 3.2)."""

from collections.abc import Iterator
from typing import NamedTuple

from localcloud.servicebus.amqp.decoding import DecodeError, decode, skip

__all__ = [
    "APPLICATION_PROPERTIES",
    "DATA",
    "DELIVERY_ANNOTATIONS",
    "HEADER",
    "MESSAGE_ANNOTATIONS",
    "PROPERTIES",
    "VALUE",
    "Section",
    "sections",
]

HEADER = 0x70
DELIVERY_ANNOTATIONS = 0x71
MESSAGE_ANNOTATIONS = 0x72
PROPERTIES = 0x73
APPLICATION_PROPERTIES = 0x74
DATA = 0x75
SEQUENCE = 0x76
VALUE = 0x77
FOOTER = 0x78


class Section(NamedTuple):
    """Where a section is.

    Attributes:
        code: its descriptor.
        start: of the descriptor.
        value_at: of the value.
        end: behind the value.
    """

    code: int
    start: int
    value_at: int
    end: int


def sections(message: bytes) -> Iterator[Section]:
    """Yield the sections of an encoded message in the order they came.

    Raises:
        DecodeError: the bytes are no message.
    """
    at, size = 0, len(message)
    while at < size:
        if message[at] != 0:
            raise DecodeError(f"no section at byte {at}")
        code, value_at = decode(message, at + 1)
        if not isinstance(code, int) or not HEADER <= code <= FOOTER:
            raise DecodeError(f"no section at byte {at}")
        end = skip(message, value_at)
        yield Section(code, at, value_at, end)
        at = end
