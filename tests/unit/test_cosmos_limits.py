"""At every limit and past it: sizes, depth, lengths of keys, and names and keys made to collide."""

import itertools
import json
import unicodedata
from decimal import Decimal

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.cosmos.codec import DEPTH_MAX, DOCUMENT_BYTES_MAX, decode, encode
from connectors.cosmos.keys import (
    FIRST_LEVEL_BYTES_MAX,
    ID_BYTES_MAX,
    PARTITION_KEY_BYTES_MAX,
    key_at,
    partition_of,
    place,
)
from connectors.cosmos.layout import Layout
from replicator.model.errors import ChangeError
from replicator.model.record import Item

AT = place(("h", "r"))
SERVICE_BYTES_MAX = 2 * 1024 * 1024
SERVICE_DEPTH_MAX = 128
SYSTEM = {"_rid": "r", "_self": "s", "_etag": "e", "_ts": 1, "_attachments": "attachments/", "_lsn": 9}
FLAT, HIERARCHICAL = Layout(), Layout(hierarchical=True)

STEMS = ["id", "pk", "ttl", "replicator", "rid", "self", "etag", "ts", "attachments", "lsn"]
look_alikes = st.builds(lambda front, stem: "_" * front + stem, st.integers(0, 4), st.sampled_from(STEMS))
digits = st.integers(1, 10**38 - 1)
edge_numbers = st.one_of(
    st.builds(lambda number, exponent: f"{number}E{exponent}", digits, st.integers(-130, 125)),
    st.builds(lambda number, exponent: f"-{number}E{exponent}", digits, st.integers(-130, 125)),
    st.integers(2**53 - 3, 2**53 + 3).map(str),
    st.integers(-(2**53) - 3, -(2**53) + 3).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: f"{Decimal(number):.38g}"),
    st.builds(lambda whole, zeros: f"{whole}.{'0' * zeros}", st.integers(0, 10**20), st.integers(1, 17)),
)


def read_back(item, at=AT):
    """The item after the service has stored it, with numbers as doubles and fields of its own."""
    stored = json.loads(json.dumps(encode(item, at).document), parse_int=float)
    return decode(orjson.loads(orjson.dumps(stored)) | SYSTEM)[1]


@given(
    st.dictionaries(
        look_alikes, st.builds(lambda text: {"S": text}, st.text("ab_", max_size=3)), max_size=20
    )
)
@example({name: {"S": name} for name in SYSTEM})
def test_names_made_to_collide_do_not(attributes):
    """However many underscores a name of ours or of the service's has, each attribute stays its own."""
    document = encode(Item(attributes), AT).document
    assert len(document) == len(attributes) + 3
    assert not SYSTEM.keys() & document.keys()
    assert read_back(Item(attributes)).attributes == attributes


@given(edge_numbers)
@example("9007199254740992")
@example("9007199254740993")
@example("9.9999999999999999999999999999999999999E+125")
@example("1E-130")
@example("-0.0")
@example("1E+126")
@example("1E-126")
def test_every_number_keeps_its_value(number):
    """38 digits, exponents from -130 to 125, the edge of exact integers, doubles to their last digit."""
    for value in ({"N": number}, {"NS": [number]}, {"L": [{"N": number}]}):
        ((kind, body),) = read_back(Item({"x": value})).attributes["x"].items()
        found = body if kind == "N" else body[0] if kind == "NS" else body[0]["N"]
        assert Decimal(found) == Decimal(number)


@given(st.integers(0, 31), st.integers(0, 2**32 - 1))
def test_32_levels_come_back(levels, shape):
    """Lists and maps in any order, down to a value that needs a tag, as deep as DynamoDB allows."""
    value = {"NS": ["9007199254740993"]}
    for level in range(levels):
        value = {"L": [value, {"S": ""}]} if shape >> level & 1 else {"M": {"_id": value, "": {"L": []}}}
    assert read_back(Item({"x": value})).attributes == {"x": value}


@pytest.mark.parametrize("wrap", [lambda value: {"L": [value]}, lambda value: {"M": {"a": value}}])
def test_the_deepest_item_fits_the_service(wrap):
    """One level more is refused in words, and what is accepted has at most the service's 128 levels."""
    value = {"B": b"\x00"}
    for _ in range(DEPTH_MAX - 1):
        value = wrap(value)
    document = encode(Item({"x": value}), AT).document
    assert depth(document) <= SERVICE_DEPTH_MAX
    assert read_back(Item({"x": value})).attributes == {"x": value}
    with pytest.raises(ChangeError, match=f"deeper than {DEPTH_MAX} levels"):
        encode(Item({"x": wrap(value)}), AT)


def depth(value):
    """How deep arrays and objects nest."""
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)


@pytest.mark.parametrize("text", ["x", "\x01", "é", "😀"])
def test_a_document_is_measured_in_bytes_of_json(text):
    """Exactly at the limit it is accepted; past it, it is refused with both sizes, before any call."""
    bytes_each = len(orjson.dumps(text)) - 2
    empty = encode(Item({"x": {"S": ""}}), AT).size_bytes
    count, rest = divmod(DOCUMENT_BYTES_MAX - empty, bytes_each)
    body = text * count + "-" * rest
    full = encode(Item({"x": {"S": body}}), AT)
    assert full.size_bytes == DOCUMENT_BYTES_MAX == len(orjson.dumps(full.document)) < SERVICE_BYTES_MAX
    with pytest.raises(
        ChangeError, match=f"{DOCUMENT_BYTES_MAX + 1} bytes, more than {DOCUMENT_BYTES_MAX}"
    ):
        encode(Item({"x": {"S": body + "-"}}), AT)


@given(st.text(st.characters(categories=["Cs"]), min_size=1, max_size=3), st.sampled_from("skvnx"))
def test_lone_surrogates_are_refused_wherever_they_are(text, where):
    """In a key, a name, a text, a set or deep inside: a refused change, never a broken call."""
    value = {
        "v": {"S": text},
        "n": {"M": {text: {"NULL": True}}},
        "x": {"L": [{"SS": ["a", text]}]},
    }.get(where, {"S": "well"})
    key = {"s": ("h", text), "k": (text,)}.get(where, ("h", "r"))
    with pytest.raises(ChangeError) as refused:
        encode(Item({"x": value}), place(key))
    assert refused.value.message.isascii()
    with pytest.raises(ChangeError):
        encode(Item({text: {"S": "well"}}), AT)


FORMS = [
    "",
    "a",
    "A",
    "é",
    "e\u0301",
    "ﬁ",
    "fi",
    "İ",
    "i̇",
    "ß",
    "ss",
    "a b",
    "a  b",
    " a",
    "a ",
    "a\t",
    "a\n",
]
FORMS += [
    ".",
    "..",
    "...",
    "./a",
    "a/.",
    "a/b",
    "a//b",
    "a\\b",
    "a%2Fb",
    "a~2Fb",
    "a~2fb",
    "a~~2Fb",
    "a?b",
    "a#b",
]
FORMS += [
    "~",
    "~~",
    "~e",
    "~7Ee",
    "~n1",
    "~n1.0",
    "~b",
    "~bAA",
    "~t",
    "~ta",
    "~t~ta",
    "~h",
    f"~h{'0' * 64}",
]
FORMS += ["\x00", "\x1f", "\x7f", "\x80", "\x9f", "\u00a0", "a\u00a0", "\u2028", "\ufeff", "1", "01", "1.0"]
FORMS += ["x" * 1023, "x" * 1024, "x" * 1025, "x" * 2048, "/" * 341, "/" * 342, "é" * 511, "é" * 512]
PARTS = [
    *FORMS,
    *(Decimal(n) for n in ("0", "1", "-1", "0.1", "1E+30", "1E-30")),
    b"",
    b"\x00",
    b"a",
    b"x" * 1024,
]


@pytest.mark.parametrize("layout", [FLAT, HIERARCHICAL], ids=["flat", "hierarchical"])
def test_keys_made_to_collide_do_not(layout):
    """Case, composition, escapes and what looks like them, dots, spaces, lengths: each has its place."""
    keys = [(part,) for part in PARTS] + list(itertools.product(PARTS, PARTS))
    places = {}
    for key in keys:
        at = layout.place(key)
        assert places.setdefault(at[:2], key) == key
        assert key_at(at.id, at.pk, None if at.forms is None else list(at.forms)) == key
        assert layout.group(key) == at.pk
    assert len(places) == len(keys)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_text_is_never_normalised(text):
    """Another case or composition of the same characters is another place."""
    variants = {text, text.upper(), text.lower(), text.casefold()}
    variants |= {unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    assert len({place((variant,))[:2] for variant in variants}) == len(variants)


@pytest.mark.parametrize(
    ("layout", "bytes_max"), [(FLAT, PARTITION_KEY_BYTES_MAX), (HIERARCHICAL, FIRST_LEVEL_BYTES_MAX)]
)
def test_parts_are_kept_up_to_their_limit_and_hashed_past_it(layout, bytes_max):
    """A form of just the limit stays readable; one byte more makes it a hash, and the key is kept."""
    for extra in (0, 1):
        at = layout.place(("h" * (bytes_max + extra), "r"))
        assert at.pk.startswith("~h") == bool(extra) == (at.forms is not None)
        at = layout.place(("h", "r" * (ID_BYTES_MAX + extra)))
        assert at.id.startswith("~h") == bool(extra) == (at.forms is not None)
    longest = layout.place(("h" * 2048, "r" * 1024))
    assert len(longest.pk.encode()) + len(longest.id.encode()) <= bytes_max + ID_BYTES_MAX
    assert (
        partition_of(("h" * (bytes_max + 1), "r"), bytes_max)
        == layout.place(("h" * (bytes_max + 1), "r")).pk
    )


@pytest.mark.parametrize("layout", [FLAT, HIERARCHICAL], ids=["flat", "hierarchical"])
def test_a_hierarchical_key_fits_the_service_whole(layout):
    """Whatever the parts, all levels together have no more bytes than one partition key value may have."""
    for key in itertools.product(PARTS, PARTS):
        value = layout.partition_key(layout.place(key))
        levels = [value] if isinstance(value, str) else value
        assert sum(len(level.encode()) for level in levels) <= PARTITION_KEY_BYTES_MAX
