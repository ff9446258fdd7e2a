"""The names of blobs: injective, legal for the service, ordinary where keys are, and frozen."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.blob.names import NAME_CHARACTERS_MAX, NAME_SEGMENTS_MAX, blob_name, key_of_name
from replicator.model.errors import ChangeError

GOLDEN = json.loads((Path(__file__).parent / "golden" / "blob_names.json").read_text(encoding="utf-8"))

nasty = st.text(
    st.sampled_from("././~~%%H2EFf57C0eé\u0301 \\\x00\x1f\x7f\x81\ue000\ufffe\U0010ffff日😀+?#&"),
    min_size=1,
    max_size=12,
)
keys = st.one_of(nasty, st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
long_keys = st.builds(lambda part, times: part * times, nasty, st.integers(50, 400))


@given(keys)
@example("~2E")
@example("~H" + "0" * 64)
@example("~" * 5 + "7E")
def test_a_key_is_read_back_from_its_name(key):
    """The name alone gives the key exactly."""
    assert key_of_name(blob_name(key)) == key


@given(long_keys)
def test_a_long_key_is_read_back_or_its_name_says_nothing(key):
    """A name that is a hash is nobody's, so that only metadata says whose it is."""
    name = blob_name(key)
    assert key_of_name(name) == (None if name.startswith("~H") else key)


@given(st.lists(st.one_of(keys, long_keys), unique=True, min_size=2, max_size=20))
def test_no_two_keys_have_one_name(many):
    """Different keys have different names."""
    assert len({blob_name(key) for key in many}) == len(many)


@given(nasty)
def test_the_name_of_a_name_is_another_key_s(key):
    """A key that looks like the escaped form of another one is told from it."""
    name = blob_name(key)
    assert (blob_name(name) == name) == (name == key)


@given(st.one_of(keys, long_keys))
def test_a_name_is_legal(key):
    """No name holds what the service or a client refuses, changes or takes for another."""
    name = blob_name(key)
    assert 1 <= len(name.encode("utf-16-le")) // 2 <= NAME_CHARACTERS_MAX
    assert len(name.split("/")) <= NAME_SEGMENTS_MAX
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\ue000\ufffe\uffff\\]", name)
    assert not any(segment.endswith(".") for segment in name.split("/"))
    twice = unquote(name, errors="surrogateescape")
    assert [segment for segment in twice.split("/") if segment in {".", ".."}] == []
    assert twice.count("/") == name.count("/")


@pytest.mark.parametrize(
    "key",
    ["in/2026/01.pdf", "a b+c&d=e", "folder/", "/a", "a//b", "~", "~old", "100%", "%41", "é", "e\u0301"],
)
def test_an_ordinary_key_is_its_own_name(key):
    """Whoever reads the container finds what was in the bucket, slashes included and nothing normalised."""
    assert blob_name(key) == key


@pytest.mark.parametrize(("key", "name"), GOLDEN)
def test_stored_names_stay_as_they_are(key, name):
    """A container that was filled by this version is read by every later one."""
    assert blob_name(key) == name
    assert key_of_name(name) == (None if name.startswith("~H") else key)


def test_the_limits_of_a_name_are_exact():
    """As many characters and segments as Azure allows are kept, one more is a hash."""
    assert blob_name("x" * 1024) == "x" * 1024
    assert blob_name("x" * 1025).startswith("~H")
    assert blob_name("😀" * 512) == "😀" * 512
    assert blob_name("😀" * 513).startswith("~H")
    assert blob_name("/".join("x" * 254)) == "/".join("x" * 254)
    assert blob_name("/".join("x" * 255)).startswith("~H")


@pytest.mark.parametrize("name", ["a.", "~7E", "~41", "a\\b", "~FF", "~H"])
def test_a_name_that_the_escape_never_makes_is_nobody_s(name):
    """Somebody else's blob of such a name is not taken for an object."""
    assert key_of_name(name) is None


@pytest.mark.parametrize("key", ["", "\ud800"])
def test_a_key_that_is_no_text_is_refused(key):
    """It cannot have been a key of S3 either."""
    with pytest.raises(ChangeError):
        blob_name(key)
