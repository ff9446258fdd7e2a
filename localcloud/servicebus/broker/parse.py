"""From the bytes of a sent message to `Message`, with the limits that do not depend on the queue."""

from localcloud.servicebus.amqp.decoding import decode, map_pairs
from localcloud.servicebus.amqp.sections import (
    APPLICATION_PROPERTIES,
    DATA,
    DELIVERY_ANNOTATIONS,
    HEADER,
    MESSAGE_ANNOTATIONS,
    PROPERTIES,
    Section,
    sections,
)
from localcloud.servicebus.broker.errors import out_of_range
from localcloud.servicebus.broker.message import Message

__all__ = ["BATCH_FORMAT", "parse_batch", "parse_message"]

# Every data section of such a message is a whole message.
BATCH_FORMAT = 0x80013700

_ID_CHARACTERS_MAX = 128
_PROPERTY_BYTES_MAX = 32 * 1024
_PROPERTIES_BYTES_MAX = 64 * 1024
# Annotations that the broker writes itself, or reads into a field.
_OURS = {
    "x-opt-sequence-number",
    "x-opt-enqueue-sequence-number",
    "x-opt-enqueued-time",
    "x-opt-locked-until",
    "x-opt-lock-token",
    "x-opt-message-state",
    "x-opt-scheduled-enqueue-time",
    "x-opt-partition-key",
}


def parse_batch(encoded: bytes) -> list[Message]:
    """Return the messages of a batch, in order.

    Raises:
        DecodeError: the bytes are no batch.
        RefusedError: one of them is above a limit.
    """
    found = [section for section in sections(encoded) if section.code == DATA]
    return [parse_message(decode(encoded, section.value_at)[0]) for section in found]


def parse_message(encoded: bytes) -> Message:
    """Return a message.

    Raises:
        DecodeError: the bytes are no message.
        RefusedError: an id is longer than 128 characters, a property larger than 32 KiB, or all of them
            than 64 KiB.
    """
    message = Message(b"", size_bytes=len(encoded))
    parts, length = [], 0
    for section in sections(encoded):
        if section.code == HEADER:
            _read_header(message, encoded, section)
        elif section.code == MESSAGE_ANNOTATIONS:
            _read_annotations(message, encoded, section)
        elif section.code != DELIVERY_ANNOTATIONS:
            size = section.end - section.start
            if section.code == PROPERTIES:
                _read_properties(message, encoded, section)
            elif section.code == APPLICATION_PROPERTIES:
                _check_properties(encoded, section)
                message.application = (length, length + size)
            parts.append(encoded[section.start : section.end])
            length += size
    message.payload = b"".join(parts)
    return message


def _read_header(message: Message, encoded: bytes, section: Section) -> None:
    fields, _ = decode(encoded, section.value_at)
    message.durable, message.priority, message.ttl_ms = [*fields, None, None, None][:3]


def _read_annotations(message: Message, encoded: bytes, section: Section) -> None:
    for name, key, value in map_pairs(encoded, section.value_at):
        if name == "x-opt-scheduled-enqueue-time":
            message.scheduled_ms = decode(value)[0]
        elif name == "x-opt-partition-key":
            message.partition_key = decode(value)[0]
        elif name not in _OURS:
            message.annotations += (key, value)


def _read_properties(message: Message, encoded: bytes, section: Section) -> None:
    fields, _ = decode(encoded, section.value_at)
    fields = [*fields, *[None] * 13]
    if fields[0] is not None:
        message.message_id = _checked_id("MessageId", str(fields[0]))
    if fields[10] is not None:
        message.session_id = _checked_id("SessionId", str(fields[10]))


def _checked_id(name: str, text: str) -> str:
    if len(text) > _ID_CHARACTERS_MAX:
        raise out_of_range(f"{name} is longer than {_ID_CHARACTERS_MAX} characters.")
    return text


def _check_properties(encoded: bytes, section: Section) -> None:
    size = section.end - section.start
    if size > _PROPERTIES_BYTES_MAX:
        raise out_of_range(f"The properties take {size} bytes of at most {_PROPERTIES_BYTES_MAX}.")
    if size <= _PROPERTY_BYTES_MAX:
        return
    for name, _, value in map_pairs(encoded, section.value_at):
        if len(value) > _PROPERTY_BYTES_MAX:
            raise out_of_range(f"The property '{name}' is larger than {_PROPERTY_BYTES_MAX} bytes.")
