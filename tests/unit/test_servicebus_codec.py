"""The Service Bus codec loses nothing, tells what it cannot carry, and writes what the SDK reads."""

import json
import string
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusReceivedMessage
from hypothesis import given
from hypothesis import strategies as st

from connectors.servicebus.claim import claim_for
from connectors.servicebus.codec import (
    PROPERTY_BYTES_MAX,
    TTL_SECONDS_MAX,
    claim_of,
    decode,
    encode,
    message_id,
    parted,
    time_to_live,
)
from connectors.servicebus.wire import encode_message
from replicator.model.errors import ChangeError
from replicator.model.record import Attribute, Message, record_from_json, record_to_json

GOLDEN = Path(__file__).parent / "golden" / "servicebus_messages.json"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
names = st.one_of(
    st.text(string.ascii_letters + string.digits + "_-.", min_size=1, max_size=20),
    st.sampled_from(
        [
            "Replicator",
            "Replicator.Claim",
            "Replicator.SentAt",
            "Replicator.Source.x",
            "DeadLetterReason",
            "AWS.x",
        ]
    ),
    texts,
)
suffixes = st.sampled_from(["", ".int", ".custom", ".Binary"])
attributes = st.one_of(
    st.builds(Attribute, suffixes.map(lambda each: "String" + each), texts),
    st.builds(Attribute, suffixes.map(lambda each: "Number" + each), st.decimals().map(str)),
    st.builds(Attribute, suffixes.map(lambda each: "Binary" + each), st.binary(max_size=40)),
)
times = st.floats(min_value=0, max_value=4e9, allow_nan=False)
messages = st.builds(
    Message,
    id=st.one_of(st.uuids().map(str), texts),
    body=texts,
    attributes=st.dictionaries(names, attributes, max_size=10),
    group=st.none() | st.text(string.printable, min_size=1, max_size=128),
    deduplication_id=st.none() | texts,
    sent_at=times,
    expires_at=st.none() | times,
    properties=st.dictionaries(texts, texts, max_size=5),
)


def received(outgoing):
    """What a receiver's SDK makes of the bytes that are sent."""
    return ServiceBusReceivedMessage.from_bytes(encode_message(outgoing))


@given(messages)
def test_a_message_comes_back_exactly(message):
    """Encoded, put into bytes, read by the SDK and decoded, it is what it was."""
    assert decode(received(encode(message, 0.0))) == message


@given(messages)
def test_the_sdk_reads_what_was_meant(message):
    """Body, ids, session, content type and time to live are where consumers look for them."""
    outgoing = encode(message, 0.0, "text/plain")
    got = received(outgoing._replace(partition_key="p"))
    assert b"".join(got.body) == message.body.encode()
    assert (got.message_id, got.session_id) == (outgoing.message_id, message.group)
    assert (got.content_type, got.partition_key) == ("text/plain", "p")
    assert (got.time_to_live is None) is (message.expires_at is None)
    assert len(encode_message(outgoing)) <= outgoing.size_bytes


@given(messages)
def test_ordinary_attributes_are_properties_of_their_own_name(message):
    """A consumer finds text and digits as they were, under the names that the workload uses."""
    properties = encode(message, 0.0).properties
    for name, attribute in message.attributes.items():
        taken = not name or name == "Replicator" or name.startswith(("Replicator.", "DeadLetter"))
        if isinstance(attribute.value, str) and not taken:
            assert properties[name] == attribute.value
    assert all(isinstance(text, str) for text in properties.values())


@given(st.lists(texts | st.text(max_size=300), max_size=20, unique=True))
def test_distinct_messages_never_share_an_id(identities):
    """Not even where they are too long, odd, or look like the digest of another; all are short enough."""
    identities += [message_id(each) for each in identities]
    made = {each: message_id(each) for each in identities}
    assert len(set(made.values())) == len(made)
    assert all(0 < len(each) <= 128 for each in made.values())


def test_an_ordinary_id_stays_as_it_is():
    """Queues can be compared by eye."""
    identity = "5fea7756-0ea4-451a-a703-a558b933e274"
    assert message_id(identity) == identity


def test_a_life_goes_on_where_it_was():
    """The rest of it, at least a second, and at most what the header can hold; unknown stays unknown."""
    assert time_to_live(None, 100.0) is None
    assert time_to_live(160.5, 100.0) == 60.5
    assert time_to_live(50.0, 100.0) == 1.0
    assert time_to_live(1e12, 100.0) == TTL_SECONDS_MAX
    encode_message(encode(Message("1", "", {}, expires_at=1e12), 0.0))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"attributes": {"large": Attribute("String", "x" * PROPERTY_BYTES_MAX)}}, "32 KB"),
        ({"attributes": {"large": Attribute("String", "é" * (PROPERTY_BYTES_MAX // 2))}}, "32 KB"),
        ({"attributes": {"large": Attribute("Binary", b"x" * 25_000)}}, "32 KB"),
        ({"attributes": {f"a{n}": Attribute("String", "x" * 22_000) for n in range(3)}}, "64 KB"),
        ({"attributes": {"Replicator": Attribute("String", "x" * PROPERTY_BYTES_MAX)}}, "32 KB"),
        ({"attributes": {"odd": Attribute("Binary", "text")}}, "type"),
        ({"attributes": {"odd": Attribute("String", b"bytes")}}, "type"),
        ({"attributes": {"odd": Attribute("String", "\ud800")}}, "no text"),
        ({"attributes": {"Replicator": Attribute("String", "\ud800")}}, "no text"),
        ({"body": "\ud800"}, "no text"),
        ({"group": ""}, "group id"),
        ({"group": "g" * 129}, "group id"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_reason(change, said):
    """It is that message's error, and nothing of it is cut off."""
    with pytest.raises(ChangeError, match=said):
        encode(Message("1", "hello", {})._replace(**change), 0.0)


def test_other_peoples_messages_are_not_read():
    """What Replicator did not write, or a later version did, is refused rather than guessed at."""
    outgoing = encode(Message("1", "hello", {}), 0.0)
    with pytest.raises(ChangeError, match="no message of Replicator's"):
        decode(received(outgoing._replace(properties={"a": "b"})))
    with pytest.raises(ChangeError, match="format 2"):
        decode(received(outgoing._replace(properties={"Replicator": '{"v":2}'})))


def golden():
    """The stored forms of format 1, each with its message."""
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.mark.parametrize("entry", golden(), ids=lambda entry: entry["case"])
def test_the_stored_form_stays(entry):
    """Format 1 is written and read as it was when it was frozen."""
    message = record_from_json(json.dumps(entry["message"]))
    outgoing = encode(message, 1_700_000_000.0, "text/plain")
    assert encode_message(outgoing).hex() == entry["bytes"]
    assert dict(outgoing.properties) == entry["properties"]
    assert decode(ServiceBusReceivedMessage.from_bytes(bytes.fromhex(entry["bytes"]))) == message
    assert json.loads(record_to_json(message)) == entry["message"]


def golden_claims():
    """The stored forms of format 2, whose bodies lie elsewhere, each with its message."""
    return json.loads(GOLDEN.with_name("servicebus_claims.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("entry", golden_claims(), ids=lambda entry: entry["case"])
def test_the_stored_form_of_a_claim_stays(entry):
    """Format 2 is written and read as it was when it was frozen, and is no format 1."""
    message = record_from_json(json.dumps(entry["message"]))
    outgoing = encode(message, 1_700_000_000.0, "text/plain")
    claim = claim_for("bodies", "Orders", outgoing.message_id, outgoing.body)
    assert claim._asdict() == entry["claim"]
    made = parted(outgoing, claim)
    assert encode_message(made).hex() == entry["bytes"]
    assert dict(made.properties) == entry["properties"]
    stored = ServiceBusReceivedMessage.from_bytes(bytes.fromhex(entry["bytes"]))
    assert claim_of(stored) == claim
    assert decode(stored, message.body.encode()) == message
    assert json.loads(made.properties["Replicator"])["v"] == 2
    stripped = {name: text for name, text in made.properties.items() if name != "Replicator.Claim"}
    with pytest.raises(ChangeError, match="format 2"):
        decode(received(made._replace(properties=stripped)))
    newer = made.properties | {"Replicator.Claim": '{"v":2}'}
    with pytest.raises(ChangeError, match="another form"):
        decode(received(made._replace(properties=newer)))
