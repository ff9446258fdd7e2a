"""Key ranges are cut between the keys that are in them, and a piece says all there is to know."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connectors.s3.ranges import Range, bounds

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
plain = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12)


@given(keys, st.none() | keys)
def test_a_piece_names_its_bounds(after, until):
    """Whatever characters they have."""
    assert bounds(Range(after, until, "", "").piece()) == (after, until)


@pytest.mark.parametrize("text", ['"a"', "[]", "[1, 2]", "{}", '["a"]'])
def test_other_texts_are_no_pieces(text):
    """They are refused."""
    with pytest.raises(ValueError, match="not a piece"):
        bounds(text)


@given(keys, keys)
def test_a_middle_lies_between(first, top):
    """At the first key or behind it, and below the top; of ASCII beyond what the keys share."""
    assume(first < top)
    middle = Range("", None, first, top).middle()
    if middle is not None:
        assert first <= middle < top


@given(plain, plain)
def test_halving_ends(first, top):
    """A range whose upper half is empty again and again is soon cut at its first key, or not at all."""
    assume(first < top)
    found = Range("", None, first, top)
    for _ in range(200):
        middle = found.middle()
        if middle is None or middle == first:
            return
        found = Range("", None, first, middle)
    raise AssertionError(found)


def test_the_order_of_texts_is_that_of_utf_8():
    """By which S3 lists: so a text can be compared with a bound."""
    texts = ["a", "z", "~", "\x7f", "\u00fc", "\u3041", "\uffff", "\U0001f600", "a\x00"]
    assert sorted(texts) == sorted(texts, key=str.encode)
