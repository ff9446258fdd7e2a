"""The places of keys: injective, legal for service and SDK, readable, and frozen."""

import json
import string
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.cosmos.keys import ID_BYTES_MAX, PARTITION_KEY_BYTES_MAX, key_at, partition_of, place
from replicator.model.errors import ChangeError
from replicator.model.key import key_from_text

GOLDEN = json.loads((Path(__file__).parent / "golden" / "cosmos_keys.json").read_text(encoding="utf-8"))

ILLEGAL = set('/\\?#%"'[:5]) | {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))}

nasty_texts = st.text(st.sampled_from("/\\?#%~.enbth2F \t\r\n\x00\x7f\x85\u00a0é日😀+&=:"), max_size=8)
texts = st.one_of(nasty_texts, st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
numbers = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(-(10**38) + 1, 10**38 - 1),
    st.integers(-130, 87),
)
parts = st.one_of(texts, numbers, st.binary(max_size=20))
keys = st.one_of(st.tuples(parts), st.tuples(parts, parts), parts.map(lambda part: (part, part)))


@given(keys)
@example(("a", "a"))
@example(("", ""))
@example(("~h" + "0" * 64,))
@example(("x" * 5000, "x" * 5000))
def test_a_key_is_read_back_from_its_place(key):
    """The id, the partition key and the long forms give the key exactly."""
    at = place(key)
    found = key_at(at.id, at.pk, None if at.forms is None else list(at.forms))
    assert found == key
    assert [type(part) for part in found] == [type(part) for part in key]


@given(keys)
def test_the_partition_alone_is_the_place_s_partition(key):
    """What groups writes is what they are written under."""
    assert partition_of(key) == place(key).pk


@given(st.lists(keys, unique=True, min_size=2, max_size=20))
def test_no_two_keys_have_one_place(many):
    """Different keys have different (id, partition key) pairs."""
    assert len({place(key)[:2] for key in many}) == len(set(many))


@given(keys)
def test_a_place_is_legal(key):
    """No id or partition key holds what the service or the SDK refuses or changes."""
    at = place(key)
    for form, bytes_max in ((at.id, ID_BYTES_MAX), (at.pk, PARTITION_KEY_BYTES_MAX)):
        assert not ILLEGAL & set(form)
        assert form not in {"", ".", ".."}
        assert not form[-1].isspace()
        assert len(form.encode()) <= bytes_max


@given(
    st.text(string.ascii_letters + string.digits + "-_:@|+=,;!$&'()*<>[]{}^`\"", min_size=1, max_size=40)
)
def test_ordinary_text_stays_readable(text):
    """Text of ordinary characters is its own id and partition key."""
    assert place((text,))[:2] == (text, text)
    assert place(("tenant", text))[:2] == (text, "tenant")


@pytest.mark.parametrize("length", [1022, 1023, 1024, 2048, 2049, 6000])
def test_long_keys_are_hashed_and_kept(length):
    """Above its limit a form is replaced by a hash, and the document keeps it."""
    at = place(("h", "é" * (length // 2) + "x" * (length % 2)))
    assert (at.forms is not None) == (length > ID_BYTES_MAX)
    assert at.id.startswith("~h") == (length > ID_BYTES_MAX)
    assert key_at(*at) == ("h", "é" * (length // 2) + "x" * (length % 2))


def test_equal_numbers_have_one_place():
    """A number's place depends on its value only."""
    assert {place((Decimal(text),)) for text in ("100", "1E+2", "100.00")} == {place((Decimal(100),))}
    assert place((Decimal(100),)).id == "~n100"


@pytest.mark.parametrize("key", [(), ("a", "b", "c"), ("\ud800",), ("h", "\udfff")])
def test_what_is_no_key_is_refused(key):
    """A wrong number of parts, or text that is not Unicode, is a refused change."""
    with pytest.raises(ChangeError):
        place(key)


@pytest.mark.parametrize(
    ("identity", "pk"),
    [("~t1", "h"), ("~n042", "h"), ("~nx", "h"), ("~b!", "h"), ("~FF", "h"), ("a/b", "h"), ("~h0", "h")],
)
def test_what_is_no_place_is_refused(identity, pk):
    """An id that ``place`` never gives is not taken for a key."""
    with pytest.raises(ValueError, match=r".+"):
        key_at(identity, pk)


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["key"][:40])
def test_the_places_are_frozen(row):
    """Format 1 never changes: documents of it exist."""
    at = place(key_from_text(row["key"]))
    assert {"key": row["key"], "id": at.id, "pk": at.pk, "forms": at.forms and list(at.forms)} == row
