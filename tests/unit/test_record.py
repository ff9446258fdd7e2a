"""Records of every shape come back from their JSON exactly, and compare as they say."""

from hypothesis import given
from hypothesis import strategies as st

from replicator.model.record import (
    Attribute,
    Item,
    Message,
    Object,
    describe_alike,
    digest,
    record_from_json,
    record_to_json,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.dictionaries(texts, texts, max_size=4)
times = st.floats(min_value=0, max_value=4e9, allow_nan=False)
objects = st.builds(
    Object,
    size=st.integers(0, 2**53),
    version=texts,
    headers=names,
    metadata=names,
    tags=names,
    storage_class=texts,
    checksums=names,
)
attributes = st.one_of(
    st.builds(Attribute, st.sampled_from(["String", "Number", "Number.int", "String.base64"]), texts),
    st.builds(Attribute, st.sampled_from(["Binary", "Binary.gif"]), st.binary(max_size=12)),
)
messages = st.builds(
    Message,
    id=texts,
    body=texts,
    attributes=st.dictionaries(texts, attributes, max_size=4),
    group=st.none() | texts,
    deduplication_id=st.none() | texts,
    sent_at=times,
    expires_at=st.none() | times,
    properties=names,
)
items = st.builds(
    Item, st.dictionaries(texts, st.fixed_dictionaries({"B": st.binary(max_size=8)}), max_size=3)
)
records = st.one_of(items, objects, messages)


@given(records)
def test_a_record_comes_back_exactly(record):
    """What was written as JSON is read back as it was, of the same shape, bytes and text alike."""
    again = record_from_json(record_to_json(record))
    assert type(again) is type(record)
    assert again == record
    assert record_from_json(record_to_json(record).decode()) == record


@given(records, records)
def test_only_equal_records_have_equal_json(one, other):
    """Two records whose JSON is the same are the same."""
    assert (record_to_json(one) == record_to_json(other)) <= (one == other)


def test_defaults_come_back():
    """A record that says nothing of itself still does so after a round trip."""
    for record in (Object(0, ""), Message("id", "", {}), Item({})):
        assert record_from_json(record_to_json(record)) == record


@given(messages)
def test_a_binary_attribute_stays_binary(message):
    """Bytes that are text too come back as bytes, and text that looks like base64 as text."""
    again = record_from_json(record_to_json(message))
    kinds = {name: type(attribute.value) for name, attribute in message.attributes.items()}
    assert {name: type(attribute.value) for name, attribute in again.attributes.items()} == kinds


@given(objects, names, names)
def test_an_object_is_compared_by_size_and_version(thing, metadata, tags):
    """What a listing does not show does not count; what it shows does."""
    assert digest(thing) == digest(thing._replace(metadata=metadata, tags=tags, checksums={}))
    assert digest(thing) != digest(thing._replace(size=thing.size + 1))
    assert digest(thing) != digest(thing._replace(version=thing.version + "x"))


@given(objects, texts)
def test_a_description_is_everything_but_version_and_checksums(thing, text):
    """Objects of other versions may say the same of themselves; another tag is another description."""
    assert describe_alike(thing, thing._replace(version=text, checksums={}))
    assert not describe_alike(thing, thing._replace(tags={**thing.tags, "x" * 13: text}))
    assert not describe_alike(thing, thing._replace(headers={**thing.headers, "x" * 13: text}))


@given(messages, attributes)
def test_a_message_is_compared_whole(message, attribute):
    """Another body, attribute or property is another message; the order of attributes is not."""
    turned = message._replace(attributes=dict(reversed(message.attributes.items())))
    assert digest(message) == digest(turned)
    assert digest(message) != digest(message._replace(body=message.body + "x"))
    assert digest(message) != digest(
        message._replace(attributes={**message.attributes, "x" * 13: attribute})
    )
