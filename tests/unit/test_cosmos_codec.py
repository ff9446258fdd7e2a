"""Items as documents: ordinary JSON where it is exact, tagged where it is not, and frozen."""

import json
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.cosmos.codec import DOCUMENT_BYTES_MAX, decode, encode
from connectors.cosmos.keys import place
from replicator.model.errors import ChangeError, PermanentError
from replicator.model.record import Item, digest, record_from_json, record_to_json

GOLDEN = json.loads(
    (Path(__file__).parent / "golden" / "cosmos_documents.json").read_text(encoding="utf-8")
)
KEY = ("h", "r")
SYSTEM = {"_rid": "r", "_self": "s", "_etag": "e", "_ts": 1, "_attachments": "attachments/"}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1).map(str),
    st.floats(allow_nan=False, allow_infinity=False, width=64).map(
        lambda number: str(Decimal(repr(number)))
    ),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**15), max_value=10**15).map(
        str
    ),
    st.builds(
        lambda digits, exponent: f"{digits}E{exponent}",
        st.integers(-(10**38) + 1, 10**38 - 1),
        st.integers(-130, 87),
    ),
)
scalars = st.one_of(
    st.fixed_dictionaries({"S": texts}),
    st.fixed_dictionaries({"N": numbers}),
    st.fixed_dictionaries({"B": st.binary(max_size=12)}),
    st.fixed_dictionaries({"BOOL": st.booleans()}),
    st.just({"NULL": True}),
    st.fixed_dictionaries({"SS": st.lists(texts, unique=True, min_size=1, max_size=4)}),
    st.fixed_dictionaries({"NS": st.lists(numbers, unique_by=Decimal, min_size=1, max_size=4)}),
    st.fixed_dictionaries({"BS": st.lists(st.binary(max_size=5), unique=True, min_size=1, max_size=4)}),
)
names = st.one_of(
    texts,
    st.sampled_from(
        ["id", "_id", "__id", "pk", "_pk", "ttl", "_ttl", "_rid", "rid", "__rid", "_ts", "_etag"]
    ),
    st.sampled_from(
        ["replicator", "_replicator", "_self", "_attachments", "_lsn", "lsn", "t", "v", "k", "0", "_", "__"]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"L": st.lists(inner, max_size=4)}),
        st.fixed_dictionaries({"M": st.dictionaries(names, inner, max_size=4)}),
    ),
    max_leaves=12,
)
items = st.dictionaries(names, values, max_size=8).map(Item)


def stored(document):
    """The document as the service gives it back: JSON, every number a double, properties of its own."""
    return orjson.loads(orjson.dumps(document)) | SYSTEM


def as_doubles(value):
    """Every number as the double that the service keeps."""
    return json.loads(json.dumps(value), parse_int=float)


@given(items)
@example(Item({"id": {"S": "1"}, "_id": {"N": "1"}, "__id": {"B": b"1"}}))
@example(
    Item({"n": {"N": "9007199254740993"}, "z": {"N": "-0"}, "e": {"N": "1E-400"}, "h": {"N": "1E+400"}})
)
def test_an_item_is_read_back_exactly(item):
    """Encoding, storing as doubles and decoding gives the item, whatever its types and names."""
    document = encode(item, place(KEY)).document
    key, found = decode(stored(as_doubles(document)))
    assert key == KEY
    assert digest(found) == digest(item)
    assert canonical(found.attributes) == canonical(item.attributes)


def canonical(attributes):
    """Typed values with numbers as Decimals and sets without order."""
    return {name: _canonical(value) for name, value in attributes.items()}


def _canonical(value):
    ((kind, body),) = value.items()
    if kind == "N":
        return kind, Decimal(body)
    if kind == "NS":
        return kind, frozenset(map(Decimal, body))
    if kind in {"SS", "BS"}:
        return kind, frozenset(body)
    if kind == "L":
        return kind, [_canonical(each) for each in body]
    if kind == "M":
        return kind, canonical(body)
    return kind, body


@given(items)
def test_the_size_is_that_of_the_json(item):
    """The size told is that of the compact UTF-8 JSON, within what number forms differ by."""
    encoded = encode(item, place(KEY))
    text = json.dumps(encoded.document, separators=(",", ":"), ensure_ascii=False)
    assert abs(encoded.size_bytes - len(text.encode())) <= 2 * text.count("e")


def test_an_ordinary_item_is_an_ordinary_document():
    """Text, exact numbers, booleans, null, lists and maps are plain JSON under their own names."""
    item = Item(
        {
            "customer": {"S": "h"},
            "total": {"N": "12.50"},
            "count": {"N": "3"},
            "paid": {"BOOL": True},
            "note": {"NULL": True},
            "lines": {"L": [{"M": {"sku": {"S": "x"}, "amount": {"N": "2"}}}]},
        }
    )
    assert encode(item, place(KEY)).document == {
        "id": "r",
        "pk": "h",
        "replicator": {"v": 1},
        "customer": "h",
        "total": 12.5,
        "count": 3,
        "paid": True,
        "note": None,
        "lines": [{"sku": "x", "amount": 2}],
    }


def test_only_inexact_values_are_tagged():
    """Tags name just the values that JSON does not tell, by their path."""
    item = Item(
        {
            "id": {"B": b"\x00\xff"},
            "big": {"N": "9007199254740993"},
            "list": {"L": [{"N": "1"}, {"SS": ["a"]}, {"M": {"in": {"N": "0.1234567890123456789"}}}]},
        }
    )
    document = encode(item, place(KEY)).document
    assert document["replicator"]["t"] == {"_id": "B", "big": "N", "list": {"1": "SS", "2": {"in": "N"}}}
    assert (document["_id"], document["big"]) == ("AP8=", "9007199254740993")


def test_a_hashed_key_is_kept_in_the_document():
    """The full key of a document with a hashed id is read from the document."""
    key = ("h", "r" * 2000)
    assert decode(encode(Item({}), place(key)).document)[0] == key


def test_an_item_too_large_is_refused():
    """A document above the service's limit is a refused change that names both sizes."""
    with pytest.raises(ChangeError, match=str(DOCUMENT_BYTES_MAX)):
        encode(Item({"x": {"S": "\x01" * 390_000}}), place(KEY))


def test_an_item_too_deep_is_refused():
    """DynamoDB's 32 levels fit; what would exceed the service's nesting is a refused change."""
    assert decode(encode(Item({"x": nested(32)}), place(KEY)).document)[1] == Item({"x": nested(32)})
    with pytest.raises(ChangeError, match="deeper"):
        encode(Item({"x": nested(120)}), place(KEY))


def nested(levels):
    """Binary within so many lists."""
    value = {"B": b"\x00"}
    for _ in range(levels):
        value = {"L": [value]}
    return value


@pytest.mark.parametrize(
    "value",
    [
        *({"N": "NaN"}, {"N": "Infinity"}, {"N": "x"}, {"N": 5}, {"N": True}, {"S": "\ud800"}, {"S": 5}),
        *({"S": None}, {"B": "text"}, {"BOOL": "true"}, {"BOOL": 1}, {"NULL": False}, {"NULL": None}),
        *({"SS": "text"}, {"SS": [1]}, {"NS": "12"}, {"NS": [1]}, {"BS": "text"}, {"BS": ["text"]}),
        *(
            {"L": "text"},
            {"L": [5]},
            {"L": {"S": "a"}},
            {"M": [5]},
            {"M": {"a": 5}},
            {"M": {5: {"S": "a"}}},
        ),
        *({"X": "?"}, {}, {"S": "a", "N": "1"}, "text", None),
    ],
    ids=str,
)
def test_what_is_no_value_is_refused(value):
    """A value that no system should have sent is a refused change, neither a crash nor another value."""
    for item in ({"x": value}, {"x": {"L": [value]}}, {"x": {"M": {"y": value}}}):
        with pytest.raises(ChangeError):
            encode(Item(item), place(KEY))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"id": "a", "pk": "b"}, "not written by Replicator"),
        ({"id": "a", "pk": "b", "replicator": "x"}, "not written by Replicator"),
        ({"id": "a", "pk": "b", "replicator": {"v": 2}}, "format 2"),
        ({"id": "a/b", "pk": "b", "replicator": {"v": 1}}, "cannot be read back"),
        ({"id": "a", "pk": "b", "x": "??", "replicator": {"v": 1, "t": {"x": "B"}}}, "cannot be read back"),
        ({"id": "a", "pk": "b", "x": "1", "replicator": {"v": 1, "t": {"x": "ZZ"}}}, "cannot be read back"),
        ({"id": "a", "pk": "b", "x": "1", "replicator": {"v": 1, "t": 5}}, "cannot be read back"),
    ],
)
def test_a_foreign_document_is_refused(document, message):
    """A document that is not ours, or no longer, stops the reading, with its id."""
    with pytest.raises(PermanentError, match=message):
        decode(document)


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["name"])
def test_the_documents_are_frozen(row):
    """Format 1 never changes: what is stored can be read, and new writes look the same."""
    item = record_from_json(json.dumps(row["record"]))
    key, found = decode(row["document"])
    assert digest(found) == digest(item)
    assert encode(item, place(key)).document == row["document"]


@pytest.mark.parametrize("text", ["9007199254740994", "-848519057941550000", "1E+22", "-1E+125"])
def test_a_whole_number_beyond_the_exact_ones_is_a_tagged_text(text):
    """Readers differ in the digits of such a number; one that is stored plainly is read all the same."""
    item = Item({"n": {"N": text}, "s": {"NS": [text]}})
    document = encode(item, place(KEY)).document
    assert (document["n"], document["s"]) == (text, [text])
    assert document["replicator"]["t"] == {"n": "N", "s": "NS"}
    plain = {**document, "n": float(text), "replicator": {"v": 1, "t": {"s": "NS"}}}
    assert digest(decode(plain)[1]) == digest(decode(document)[1]) == digest(item)


def test_the_golden_records_are_whole():
    """Among the frozen documents all ten types occur, and the reserved names."""
    text = record_to_json(Item({})) + json.dumps(GOLDEN).encode()
    assert all(
        f'{{"{kind}":'.encode() in text
        for kind in ("S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS")
    )
