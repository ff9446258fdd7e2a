"""SQS's own form of a message, to Service Bus and back, at every limit: nothing is changed."""

import string

import pytest
from azure.servicebus import ServiceBusReceivedMessage
from hypothesis import given
from hypothesis import strategies as st

from connectors.servicebus.claim import claim_for
from connectors.servicebus.codec import claim_of, decode, encode, parted
from connectors.servicebus.wire import encode_message
from connectors.sqs.codec import attributes_md5, message_of
from replicator.model.errors import ChangeError
from replicator.model.record import Attribute, Message, record_from_json, record_to_json

# What XML 1.0 takes is what SQS takes (SQS API reference, SendMessage); Service Bus takes any text.
LEGAL = st.one_of(
    st.sampled_from("\t\n\r\ud7ff\ue000\ufffd\U00010000\U0010ffff\u2028\ufeff"),
    st.characters(min_codepoint=0x20, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"),
)
ILLEGAL = st.sampled_from(
    [chr(each) for each in range(32) if chr(each) not in "\t\n\r"] + ["\ufffe", "\uffff"]
)
BODIES = st.text(LEGAL, min_size=1, max_size=300)
NAMES = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]([A-Za-z0-9_.-]{0,40}[A-Za-z0-9_-])?", fullmatch=True),
    st.sampled_from(["n" * 256, "Replicator", "Replicator.Claim", "Replicator.SentAt", "DeadLetterReason"]),
)
SUFFIXES = st.one_of(
    st.just(""),
    st.text(string.ascii_letters + string.digits + "_-.", min_size=1, max_size=100).map(
        lambda each: "." + each
    ),
    st.sampled_from([".Binary", ".String", ".int", "." + "c" * 247]),
)
NUMBERS = st.one_of(
    st.from_regex(r"-?[0-9]{1,19}\.[0-9]{1,19}", fullmatch=True),
    st.integers(min_value=-(10**38) + 1, max_value=10**38 - 1).map(str),
    st.sampled_from(["0", "-0", "007", "1E+126", "1e-128", "2147483648", "9007199254740993", "1.10"]),
)
VALUES = st.one_of(
    st.tuples(st.just("String"), SUFFIXES, BODIES),
    st.tuples(st.just("Number"), SUFFIXES, NUMBERS),
    st.tuples(st.just("Binary"), SUFFIXES, st.binary(min_size=1, max_size=300)),
)


def given_to_sqs(kind, suffix, value):
    """A value as SendMessage takes it."""
    named = "BinaryValue" if isinstance(value, bytes) else "StringValue"
    return {"DataType": kind + suffix, named: value}


ATTRIBUTES = st.dictionaries(NAMES, VALUES.map(lambda each: given_to_sqs(*each)), max_size=10)
RAW = st.builds(
    lambda identity, body, attributes, system: {
        "MessageId": str(identity),
        "Body": body,
        "MessageAttributes": attributes,
        "Attributes": system,
    },
    st.uuids(),
    BODIES,
    ATTRIBUTES,
    st.fixed_dictionaries(
        {"SentTimestamp": st.integers(0, 2**42).map(str), "ApproximateReceiveCount": st.just("1")},
        optional={
            "SenderId": BODIES,
            "MessageGroupId": st.text(string.printable[:94], min_size=1, max_size=128),
            "MessageDeduplicationId": st.text(string.printable[:94], min_size=1, max_size=128),
            "SequenceNumber": st.integers(0, 10**38).map(str),
        },
    ),
)


def received(outgoing):
    """What a receiver's SDK makes of the bytes that are sent."""
    return ServiceBusReceivedMessage.from_bytes(encode_message(outgoing))


def back_at_sqs(message):
    """The message in the words of SendMessage."""
    attributes = {
        name: given_to_sqs(each.type, "", each.value) for name, each in message.attributes.items()
    }
    return {"Body": message.body, "MessageAttributes": attributes}


@given(RAW, st.booleans())
def test_what_sqs_gave_is_what_sqs_is_given_again(raw, fifo):
    """Body, and attributes by name, type, value and digest, whatever the way their body takes."""
    message = message_of(raw, 345_600.0, fifo=fifo and "MessageGroupId" in raw["Attributes"])
    outgoing = encode(message, 0.0)
    claim = claim_for("bodies", "orders", outgoing.message_id, outgoing.body)
    for there in (decode(received(outgoing)), decode(received(parted(outgoing, claim)), outgoing.body)):
        assert there == message
        again = back_at_sqs(there)
        assert again == {name: raw[name] for name in ("Body", "MessageAttributes")}
        assert attributes_md5(again["MessageAttributes"]) == attributes_md5(raw["MessageAttributes"])


@given(st.text(LEGAL | ILLEGAL), st.dictionaries(NAMES, st.text(LEGAL | ILLEGAL), max_size=10))
def test_text_that_sqs_would_refuse_is_carried_too(body, texts):
    """Empty values, control characters and non-characters have a form at Service Bus and in the record."""
    message = Message("1", body, {name: Attribute("String", text) for name, text in texts.items()})
    assert decode(received(encode(message, 0.0))) == message
    assert record_from_json(record_to_json(message)) == message


@given(BODIES, st.sampled_from(["\ud800", "\udfff", "\udbff\ud800"]), BODIES, st.booleans())
def test_what_is_no_unicode_is_refused_wherever_it_stands(before, surrogate, after, named):
    """A lone surrogate has no UTF-8: it is that message's error, and is never replaced."""
    text = before + surrogate + after
    attributes = {text: Attribute("String", "x")} if named else {"a": Attribute("String", text)}
    for message in (Message("1", text, {}), Message("1", "x", attributes)):
        with pytest.raises(ChangeError, match="no text"):
            encode(message, 0.0)


@given(st.lists(st.tuples(st.uuids().map(str) | st.text(max_size=200), BODIES), unique=True, max_size=8))
def test_no_two_bodies_share_a_blob(pairs):
    """Neither of two messages nor of one; and the same one always has the same."""
    made = {pair: claim_for("bodies", "Orders", pair[0], pair[1].encode()) for pair in pairs}
    assert len({claim.name for claim in made.values()}) == len(made)
    for (identity, body), claim in made.items():
        assert claim == claim_for("bodies", "orders", identity, body.encode())
        assert len(claim.name) <= 1024
        assert claim.name.isascii()


@given(st.uuids().map(str), BODIES)
def test_a_claim_is_read_as_it_was_written(identity, body):
    """From the properties of the message, which is small then."""
    outgoing = encode(Message(identity, body, {}), 0.0)
    claim = claim_for("bodies", "orders", outgoing.message_id, outgoing.body)
    made = parted(outgoing, claim)
    assert claim_of(received(made)) == claim
    assert claim_of(received(outgoing)) is None
    assert len(encode_message(made)) <= made.size_bytes < 2048
