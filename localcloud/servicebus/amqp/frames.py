"""Frames and protocol headers in a stream of bytes (part 2, section 2.3)."""

import struct
from dataclasses import dataclass

from localcloud.servicebus.amqp.decoding import DecodeError
from localcloud.servicebus.amqp.encoding import encode_described
from localcloud.servicebus.amqp.outcomes import Outcome, encode_outcome

__all__ = [
    "AMQP_HEADER",
    "EMPTY_FRAME",
    "FRAME_BYTES_MAX",
    "SASL_HEADER",
    "Frame",
    "FrameReader",
    "disposition_frame",
    "frame",
    "transfer_frames",
]

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"
FRAME_BYTES_MAX = 1024 * 1024
EMPTY_FRAME = b"\x00\x00\x00\x08\x02\x00\x00\x00"
_HEAD = struct.Struct(">IBBH")
# A transfer with its frame's head: handle, id, tag of 16 bytes, format 0, settled, more, five nulls.
_TRANSFER = struct.Struct(">IBBH4sIIBIBIBB16sBBB5s")
_TRANSFER_LIST_BYTES = 40


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as it came.

    Attributes:
        channel: of the session; 0 for SASL.
        sasl: whether it belongs to SASL.
        body: performative and payload; empty for a sign of life.
    """

    channel: int
    sasl: bool
    body: bytes


class FrameReader:
    """Cuts a stream into protocol headers and frames."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._at = 0

    def feed(self, data: bytes) -> None:
        """Add bytes as they came."""
        if self._at:
            del self._data[: self._at]
            self._at = 0
        self._data += data

    def next(self) -> Frame | bytes | None:
        """Return the next frame, or the bytes of a protocol header, or None until more has come.

        Raises:
            DecodeError: what came is neither.
        """
        data, at = self._data, self._at
        if len(data) - at < _HEAD.size:
            return None
        if data[at : at + 4] == b"AMQP":
            self._at = at + 8
            return bytes(data[at : at + 8])
        size, offset, kind, channel = _HEAD.unpack_from(data, at)
        if not _HEAD.size <= offset * 4 <= size <= FRAME_BYTES_MAX or kind > 1:
            raise DecodeError(f"no frame: size {size}, data offset {offset}, type {kind}")
        if len(data) - at < size:
            return None
        self._at = at + size
        return Frame(channel, kind == 1, bytes(data[at + offset * 4 : at + size]))


def frame(body: bytes, channel: int = 0, *, sasl: bool = False) -> bytes:
    """Return a frame around a performative and its payload."""
    return _HEAD.pack(len(body) + _HEAD.size, 2, sasl, channel) + body


def transfer_frames(
    channel: int, handle: int, delivery: tuple[int, bytes], message: bytes, *, settled: bool, bytes_max: int
) -> list[bytes]:
    """Return the frames of one delivery, none larger than the peer takes.

    Args:
        channel: of the session.
        handle: of the link.
        delivery: its id and its tag, 16 bytes.
        message: encoded.
        settled: whether no answer is awaited.
        bytes_max: the peer's largest frame.
    """
    room = bytes_max - _TRANSFER.size
    if len(message) <= room:
        return [_transfer_head(channel, handle, delivery, len(message), (settled, False)) + message]
    parts = [message[at : at + room] for at in range(0, len(message), room)]
    last = len(parts) - 1
    return [
        _transfer_head(channel, handle, delivery, len(part), (settled, number < last)) + part
        for number, part in enumerate(parts)
    ]


def _transfer_head(
    channel: int, handle: int, delivery: tuple[int, bytes], payload_bytes: int, flags: tuple[bool, bool]
) -> bytes:
    number, tag = delivery
    settled, more = (0x41 if flag else 0x42 for flag in flags)
    head = (_TRANSFER.size + payload_bytes, 2, 0, channel, b"\x00\x53\x14\xd0", _TRANSFER_LIST_BYTES, 11)
    fields = (0x70, handle, 0x70, number, 0xA0, 16, tag, 0x43, settled, more, b"\x40" * 5)
    return _TRANSFER.pack(*head, *fields)


def disposition_frame(channel: int, *, receiver: bool, delivery_id: int, outcome: Outcome) -> bytes:
    """Return a frame that settles one delivery with an outcome."""
    role = 0x41 if receiver else 0x42
    fields = struct.pack(">BBIBIB", role, 0x70, delivery_id, 0x70, delivery_id, 0x41)
    fields += encode_outcome(outcome) + b"\x40"
    listed = struct.pack(">BII", 0xD0, len(fields) + 4, 6) + fields
    return frame(encode_described(0x15, listed), channel)
