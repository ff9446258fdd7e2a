"""DynamoDB's form to the neutral one: keys, records, markers and the decoding of answers."""

import base64
import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.dynamodb import codec, wire
from connectors.dynamodb.codec import KeyField, KeySchema
from connectors.dynamodb.markers import MarkerKeys, token_of
from replicator.model.change import Kind
from replicator.model.errors import ChangeError

numbers = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(-(10**27), 10**27),
    st.integers(-90, 90),
)
parts = {"S": st.text(min_size=1), "N": numbers, "B": st.binary(min_size=1)}
leaves = st.one_of(
    st.builds(lambda text: {"S": text}, st.text()),
    st.builds(lambda body: {"B": body}, st.binary()),
    st.builds(lambda bodies: {"BS": bodies}, st.lists(st.binary(), min_size=1, unique=True)),
    st.builds(lambda number: {"N": str(number)}, numbers),
    st.sampled_from([{"BOOL": False}, {"NULL": True}, {"SS": ["B", "BS"]}]),
)
names = st.one_of(st.text(), st.sampled_from(["B", "BS", "M", "L", 'a"B":']))
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda items: {"L": items}, st.lists(inner, max_size=3)),
        st.builds(lambda items: {"M": items}, st.dictionaries(names, inner, max_size=3)),
    ),
    max_leaves=8,
)
items = st.dictionaries(names, values, max_size=4)


@st.composite
def keys(draw):
    """A key schema and a key of it."""
    types = draw(st.lists(st.sampled_from("SNB"), min_size=1, max_size=2))
    schema = KeySchema(tuple(KeyField(f"k{i}", kind) for i, kind in enumerate(types)))
    return schema, tuple(draw(parts[kind]) for kind in types)


def as_json(value):
    """The text of an answer, as the service writes it: binary is base64."""
    return json.dumps(
        value, default=lambda body: base64.b64encode(body).decode(), ensure_ascii=False
    ).encode()


def test_the_partition_key_comes_first():
    """Whatever the order of the description."""
    schema = codec.key_schema(
        {
            "KeySchema": [
                {"AttributeName": "at", "KeyType": "RANGE"},
                {"AttributeName": "id", "KeyType": "HASH"},
            ],
            "AttributeDefinitions": [
                {"AttributeName": "at", "AttributeType": "N"},
                {"AttributeName": "other", "AttributeType": "S"},
                {"AttributeName": "id", "AttributeType": "B"},
            ],
        }
    )
    assert schema.fields == (KeyField("id", "B"), KeyField("at", "N"))


@given(keys())
def test_a_key_comes_back_from_its_attributes(schema_and_key):
    """What the service is asked for is the key that it told."""
    schema, key = schema_and_key
    assert schema.key_of(schema.attributes_of(key)) == key


@pytest.mark.parametrize(
    ("number", "text"),
    [("1.50", "1.5"), ("100", "100"), ("-0", "0"), ("1E+120", "1E+120"), ("9" * 38, "9" * 38)],
)
def test_number_keys_are_written_plainly(number, text):
    """Plain digits where they fit into 38, exactly."""
    schema = KeySchema((KeyField("n", "N"),))
    assert schema.attributes_of((Decimal(number),)) == {"n": {"N": text}}


def test_stream_records_become_changes():
    """INSERT and MODIFY are upserts of the new image, REMOVE is a delete without a record."""
    schema = KeySchema((KeyField("id", "N"),))
    records = [
        {
            "eventName": event,
            "dynamodb": {
                "Keys": {"id": {"N": "1.0"}},
                "ApproximateCreationDateTime": 1700000000.0,
                **({} if event == "REMOVE" else {"NewImage": {"id": {"N": "1"}, "of": {"S": event}}}),
            },
        }
        for event in ("INSERT", "MODIFY", "REMOVE")
    ]
    changes = codec.changes(schema, records)
    assert [change.kind for change in changes] == [Kind.UPSERT, Kind.UPSERT, Kind.DELETE]
    assert {change.key for change in changes} == {(Decimal(1),)}
    assert {change.committed_at for change in changes} == {1700000000.0}
    assert changes[1].record.attributes["of"] == {"S": "MODIFY"}
    assert changes[2].record is None


@settings(max_examples=40)
@given(items, items, items)
def test_answers_are_decoded_exactly(first, second, third):
    """Binary comes back as bytes wherever it sits, and everything else as it was, whatever the names."""
    scan = {"Items": [first, second], "LastEvaluatedKey": third}
    page = {"Records": [{"dynamodb": {"Keys": first, "NewImage": second, "OldImage": third}}]}
    batch = {"Responses": {"B": [first]}, "UnprocessedKeys": {"B": {"Keys": [second, third]}}}
    for answer in (scan, page, batch):
        body = as_json(answer)
        assert wire.decode(body) == answer | {wire.SIZE: len(body)}


def test_an_answer_that_is_not_json_is_refused():
    """A proxy's error page is no answer."""
    with pytest.raises(ValueError, match=r"unexpected|invalid"):
        wire.decode(b"<html>")


@pytest.mark.parametrize("types", ["S", "N", "B", "SN", "NB", "BS"])
@given(ordinal=st.integers(0, 10**9))
def test_markers_are_known_by_their_keys(types, ordinal):
    """A marker's key is recognised, counted, and survives the service's form; its token is read back."""
    schema = KeySchema(tuple(KeyField(f"k{i}", kind) for i, kind in enumerate(types)))
    markers = MarkerKeys(schema, "__replicator_mark__")
    item = markers.item(ordinal, "session:3")
    key = schema.key_of(item)
    assert key == markers.key(ordinal)
    assert markers.holds(key)
    assert markers.ordinal(key) == ordinal
    assert token_of(item) == "session:3"


@given(keys())
def test_other_keys_are_no_markers(schema_and_key):
    """The workload's own keys are never taken for markers."""
    schema, key = schema_and_key
    assert not MarkerKeys(schema, "__replicator_mark__").holds(key)


def test_a_strange_key_with_the_prefix_is_no_marker_that_we_count():
    """It is left out like a marker, and reaches nothing."""
    markers = MarkerKeys(KeySchema((KeyField("k", "S"),)), "__replicator_mark__")
    assert markers.holds(("__replicator_mark__x",))
    assert markers.ordinal(("__replicator_mark__x",)) == -1
    assert token_of({"replicator_mark": {"N": "1"}}) == ""


@pytest.mark.parametrize("key", [("a",), ("a", Decimal(1), "b"), ("a", "1"), (b"a", Decimal(1))])
def test_a_key_of_other_parts_is_refused(key):
    """A key that the table cannot have is told by its parts and never sent."""
    schema = KeySchema((KeyField("h", "S"), KeyField("r", "N")))
    with pytest.raises(ChangeError, match=r"h \(S\), r \(N\)"):
        schema.attributes_of(key)
