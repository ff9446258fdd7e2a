"""The AMQP of the Service Bus stand-in: values and messages, against itself and against the SDK's own."""

import struct
from uuid import UUID

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus._pyamqp._decode import decode_payload
from azure.servicebus._pyamqp._encode import encode_payload, encode_value
from azure.servicebus._transport._pyamqp_transport import PyamqpTransport
from hypothesis import given
from hypothesis import strategies as st

from localcloud.servicebus.amqp.decoding import DecodeError, decode, map_pairs, skip
from localcloud.servicebus.amqp.encoding import encode
from localcloud.servicebus.amqp.frames import AMQP_HEADER, Frame, FrameReader, frame, transfer_frames
from localcloud.servicebus.amqp.performatives import Open, Transfer, decode_performative
from localcloud.servicebus.amqp.types import Array, Described, Int, Symbol, Timestamp, UByte, UInt, ULong
from localcloud.servicebus.broker.message import Message
from localcloud.servicebus.broker.parse import parse_message
from localcloud.servicebus.broker.render import render, with_properties

longs = st.integers(-(2**63), 2**63 - 1)
# The SDK cannot send bytes as properties: it decodes them as UTF-8.
properties = st.none() | st.booleans() | longs | st.floats(allow_nan=False) | st.text() | st.uuids()
simple = properties | st.binary()
values = st.recursive(
    simple, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5)
)


@given(values)
def test_values_come_back_as_they_were(value):
    """What is encoded decodes to the same, and is skipped as a whole."""
    encoded = encode(value)
    assert decode(encoded) == (value, len(encoded))
    assert skip(encoded, 0) == len(encoded)


@given(values)
def test_values_of_the_sdk_are_understood(value):
    """What azure-servicebus encodes of the same value decodes to it."""
    output = bytearray()
    encode_value(output, _as_the_sdk_types(value))
    assert decode(bytes(output))[0] == value


@pytest.mark.parametrize(
    "value",
    [
        UByte(200),
        UInt(0),
        UInt(2**32 - 1),
        ULong(0),
        ULong(255),
        ULong(2**64 - 1),
        Int(-129),
        Timestamp(-1),
        Symbol("amqp:accepted:list"),
        "x" * 256,
        b"\x00" * 70_000,
        [None] * 300,
        {str(number): number for number in range(200)},
        Described(0x24, []),
    ],
)
def test_typed_and_large_values_come_back(value):
    """Types of the protocol and values past the short forms survive the way there and back."""
    encoded = encode(value)
    assert decode(encoded) == (value, len(encoded))


@pytest.mark.parametrize("kind", [int, Timestamp, UUID, str])
@pytest.mark.parametrize("count", [0, 1, 300])
def test_arrays_come_back_as_lists(kind, count):
    """Arrays of every kind that replies need decode to their items."""
    make = {UUID: lambda number: UUID(int=number), str: str}.get(kind, int)
    items = [make(number) for number in range(count)]
    assert decode(encode(Array(kind, items)))[0] == items


@given(st.binary(max_size=60))
def test_rubbish_is_refused_and_nothing_else_happens(data):
    """Bytes that are no AMQP raise one error, whatever they are."""
    for read in (decode, lambda data: skip(data, 0), lambda data: map_pairs(data, 0)):
        try:
            read(data)
        except DecodeError:
            continue


def test_a_deep_nesting_is_refused():
    """Lists in lists without end are refused instead of exhausting the stack."""
    with pytest.raises(DecodeError):
        decode(b"\xc0\xff\x01" * 5000 + b"\x40")


def test_an_array_that_lies_about_its_count_is_refused():
    """An array of billions of items without width takes no memory."""
    with pytest.raises(DecodeError):
        decode(struct.pack(">BIIB", 0xF0, 5, 2**32 - 1, 0x40))


@given(st.lists(st.integers(1, 40), max_size=8), st.binary(max_size=200))
def test_frames_are_found_however_the_bytes_come(cuts, payload):
    """Headers and frames are cut out of a stream wherever it is split."""
    body = Open("me").encode() + payload
    stream = AMQP_HEADER + frame(body, 3) + frame(b"") + frame(body)
    reader, found, at = FrameReader(), [], 0
    for end in [*(sum(cuts[: index + 1]) for index in range(len(cuts))), len(stream)]:
        reader.feed(stream[at:end])
        at = max(at, end)
        while (item := reader.next()) is not None:
            found.append(item)
    assert found == [AMQP_HEADER, Frame(3, False, body), Frame(0, False, b""), Frame(0, False, body)]


def test_a_frame_that_is_too_large_is_refused():
    """A frame above a mebibyte is refused before its bytes have come."""
    reader = FrameReader()
    reader.feed(struct.pack(">IBBH", 2**30, 2, 0, 0))
    with pytest.raises(DecodeError):
        reader.next()


@given(st.binary(max_size=3000), st.integers(512, 1000), st.booleans())
def test_a_delivery_is_cut_into_frames_that_fit(payload, bytes_max, settled):
    """A delivery's frames fit the peer, carry the payload in order, and only the last has no more."""
    frames = transfer_frames(1, 2, (7, b"t" * 16), payload, settled=settled, bytes_max=bytes_max)
    reader, joined, more = FrameReader(), b"", []
    for each in frames:
        assert len(each) <= bytes_max
        reader.feed(each)
        transfer, at = decode_performative((got := reader.next()).body)
        assert isinstance(transfer, Transfer)
        assert (transfer.handle, transfer.delivery_id, transfer.settled) == (2, 7, settled)
        joined += got.body[at:]
        more.append(transfer.more)
    assert joined == payload
    assert more == [True] * (len(frames) - 1) + [False]


@given(st.dictionaries(st.text(min_size=1), properties), st.text(), st.binary())
def test_messages_pass_through_untouched(named, text, body):
    """A message of the SDK is read by the SDK as it was written, also after properties were added."""
    sent = ServiceBusMessage(body, message_id="m", application_properties=_as_the_sdk_types(named))
    message = parse_message(_encoded(sent))
    before = decode_payload(memoryview(render(message)))
    with_properties(message, {"DeadLetterReason": text})
    after = decode_payload(memoryview(render(message)))
    assert b"".join(after.data) == b"".join(before.data) == body
    added = {b"DeadLetterReason": text.encode()}
    assert after.application_properties == (before.application_properties or {}) | added


def test_a_message_of_nothing_is_rendered():
    """A message without any section gets a header and annotations, and properties where they are added."""
    message = Message(b"", number=1)
    with_properties(message, {"a": "b"})
    decoded = decode_payload(memoryview(render(message)))
    assert decoded.application_properties == {b"a": b"b"}
    assert decoded.message_annotations[b"x-opt-sequence-number"] == 1


def _encoded(message):
    output = bytearray()
    encode_payload(output, PyamqpTransport.to_outgoing_amqp_message(message.raw_amqp_message))
    return bytes(output)


def _as_the_sdk_types(value):
    """Integers as longs: the SDK takes them for numbers of 32 bits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"TYPE": "LONG", "VALUE": value}
    if isinstance(value, list):
        return [_as_the_sdk_types(each) for each in value]
    if isinstance(value, dict):
        return {key: _as_the_sdk_types(each) for key, each in value.items()}
    return value
