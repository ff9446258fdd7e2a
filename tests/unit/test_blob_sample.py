"""The preflight's look at a sample: what blobs some objects would be."""

import hashlib

import pytest

from connectors.blob.config import BLOB_BYTES_MAX
from connectors.blob.sample import examine
from replicator.connector import Severity
from replicator.model.change import Row
from replicator.model.record import Object


def row(key, size=1 << 20, **described):
    """An object, whole where it has headers."""
    return Row((key,), Object(size, "v1", **described))


def told(*rows, blob_tags=True):
    """What is said of a sample."""
    found = examine(rows, blob_tags=blob_tags)
    assert all(each.severity is Severity.WARNING and each.hint for each in found)
    assert all("in a sample of" in each.message for each in found)
    return [each.message for each in found]


def test_nothing_is_said_of_what_is_usual():
    """Objects whose copies are like them, however large, and none at all, need no word."""
    assert told(row("a"), row("b", size=3 << 40)) == []
    assert told() == []


def test_what_no_blob_can_hold_is_told():
    """A body too large, a key that is no text, a description that does not fit: how many, and why."""
    large = row("large", size=BLOB_BYTES_MAX + 1)
    noise = {f"k-{number}": hashlib.sha512(bytes([number])).hexdigest() for number in range(120)}
    (one,) = told(row("a"), large)
    assert "in a sample of 2 objects 1 cannot be blobs" in one
    assert '"s:large"' in one
    assert str(BLOB_BYTES_MAX) in one
    (both,) = told(row("\ud800"), large)
    assert "2 cannot be blobs" in both
    assert told(row("fits", size=BLOB_BYTES_MAX)) == []
    (description,) = told(row("wordy", metadata=noise))
    assert "bytes of metadata" in description


@pytest.mark.parametrize("key", ["a.", "./a", "a\\b", "a\x01", "~2E"])
def test_names_that_are_escaped_are_told(key):
    """One of them, and its blob's name; ordinary ones are passed over."""
    (one,) = told(row("a/b"), row("a//b/"), row(key))
    assert "in a sample of 3 objects 1 have keys that Azure would refuse or take for others" in one
    assert repr(key) in one


def test_names_that_are_too_long_once_escaped_are_told():
    """Such a key of S3 is short enough by itself."""
    (one,) = told(row("." * 512 + "/" + "./" * 200))
    assert "too long for a blob once they are escaped" in one
    assert "whose blob is '~H" in one


def test_what_the_fields_of_a_blob_do_not_show_is_told():
    """Metadata and tags that only our entry keeps; of objects that are not whole, nothing is claimed."""
    plain = {"headers": {"content-type": "text/plain"}, "metadata": {"a": "b"}, "tags": {"t": "1"}}
    odd = plain | {"metadata": {"a-b": "c"}, "tags": {"@": "1", "t": "2"}}
    assert told(row("plain", **plain), row("listed")) == []
    metadata, tags = told(row("plain", **plain), row("odd", **odd), row("listed"))
    assert "in a sample of 2 objects 1 have metadata" in metadata
    assert "in a sample of 2 objects 1 have tags" in tags
    assert "'odd'" in tags
    (only,) = told(row("odd", **odd), blob_tags=False)
    assert "metadata" in only
