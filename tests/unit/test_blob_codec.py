"""Objects as blobs: in the blob's own fields where they hold it exactly, else in our entry, and frozen."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.blob.codec import ENTRY, METADATA_BYTES_MAX, Blob, decode, decode_listed, encode
from connectors.blob.names import blob_name
from replicator.model.errors import ChangeError
from replicator.model.record import Object, record_from_json

GOLDEN = json.loads((Path(__file__).parent / "golden" / "blob_headers.json").read_text(encoding="utf-8"))
HEADERS = (
    "content-type",
    "content-encoding",
    "content-language",
    "content-disposition",
    "cache-control",
    "expires",
)
SHOWN = {name: f"x-ms-blob-{name}" for name in HEADERS[:-1]}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.one_of(
    texts,
    st.sampled_from(
        [
            "text/plain",
            "a  b",
            " a",
            "a ",
            "é",
            "=?UTF-8?Q?=C3=A9?=",
            "",
            "gzip",
            "application/octet-stream",
        ]
    ),
    st.sampled_from(["aws-chunked", "aws-chunked,gzip", "gzip, aws-chunked", "AWS-Chunked, gzip , br"]),
)
names = st.one_of(
    st.from_regex(r"[a-z0-9_\-]{1,8}", fullmatch=True),
    st.sampled_from([ENTRY, "class", "hdi_isfolder", "a-b", "a_b", "ab", "é", "1a", "_"]),
)
tags = st.dictionaries(
    st.one_of(texts, st.sampled_from(["a b", "+-.:=_/", " a"])).filter(bool), values, max_size=10
)
objects = st.builds(
    Object,
    size=st.integers(0, 2**50),
    version=texts,
    headers=st.dictionaries(st.sampled_from(HEADERS), values),
    metadata=st.dictionaries(names, values, max_size=8),
    tags=tags,
    storage_class=st.sampled_from(
        ["", "STANDARD", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "DEEP_ARCHIVE"]
    ),
    checksums=st.just({}),
)
keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


def stored(key, record, sent):
    """The blob as the service shows it, after it was made with these headers."""
    properties = {name: sent[header] for name, header in SHOWN.items() if header in sent}
    properties.setdefault("content-type", "application/octet-stream")
    metadata = {name[10:]: value for name, value in sent.items() if name.startswith("x-ms-meta-")}
    shown = dict(parse_qsl(sent.get("x-ms-tags", ""), keep_blank_values=True, strict_parsing=False))
    return Blob(blob_name(key), record.size, properties, metadata, shown)


@given(keys, objects, st.booleans(), st.booleans())
@example("k", Object(0, "", {}, {}, {}, "STANDARD"), True, True)
@example("k", Object(1, "v", {"content-type": "application/octet-stream"}), True, True)
def test_an_object_is_read_back_from_its_blob(key, record, tiers, blob_tags):
    """Key, version, headers, metadata, tags and storage class come back exactly."""
    blob = stored(key, record, encode(key, record, tiers=tiers, blob_tags=blob_tags))
    assert decode(blob) == (key, record)
    assert decode_listed(blob) == (key, Object(record.size, record.version))


@given(keys, objects)
def test_what_is_sent_is_legal(key, record):
    """Headers are ASCII on one line, names are identifiers, tags hold what Azure allows."""
    sent = encode(key, record)
    for name, value in sent.items():
        assert re.fullmatch(r"[!-~]+( [!-~]+)*", value), (name, value)
    for name in sent:
        if name.startswith("x-ms-meta-"):
            assert re.fullmatch(r"[a-z_][a-z0-9_]*", name[10:])
    found = parse_qsl(sent.get("x-ms-tags", ""), keep_blank_values=True)
    assert len(found) <= 10
    for pair in found:
        assert all(re.fullmatch(r"[A-Za-z0-9 +\-.:=_/]*", text) for text in pair)
    assert (
        sum(len(name) - 10 + len(value) for name, value in sent.items() if name.startswith("x-ms-meta-"))
        <= METADATA_BYTES_MAX
    )


def test_an_ordinary_object_is_an_ordinary_blob():
    """Whoever reads the blob finds headers, metadata, tags and tier where Azure has them."""
    record = Object(
        3,
        "v",
        {"content-type": "text/csv", "cache-control": "no-cache", "content-encoding": "gzip"},
        {"customer": "4711", "invoice_no": "12"},
        {"team": "billing", "cost center": "a/b"},
        "STANDARD_IA",
    )
    sent = encode("a", record)
    entry = sent.pop("x-ms-meta-replicator")
    assert sent == {
        "x-ms-blob-content-type": "text/csv",
        "x-ms-blob-cache-control": "no-cache",
        "x-ms-blob-content-encoding": "gzip",
        "x-ms-meta-customer": "4711",
        "x-ms-meta-invoice_no": "12",
        "x-ms-tags": "team=billing&cost+center=a%2Fb",
        "x-ms-access-tier": "Cool",
    }
    assert len(entry) < 90


@pytest.mark.parametrize(("key", "record", "sent"), GOLDEN)
def test_stored_forms_stay_as_they_are(key, record, sent):
    """Blobs written by this version are read by every later one, and written alike."""
    record = record_from_json(json.dumps(record))
    assert encode(key, record) == sent
    assert decode(stored(key, record, sent)) == (key, record)


@pytest.mark.parametrize(
    ("storage_class", "tier"),
    [
        ("", None),
        ("STANDARD", None),
        ("STANDARD_IA", "Cool"),
        ("ONEZONE_IA", "Cool"),
        ("GLACIER_IR", "Cold"),
        ("GLACIER", None),
        ("DEEP_ARCHIVE", None),
        ("INTELLIGENT_TIERING", None),
    ],
)
def test_a_storage_class_chooses_a_tier(storage_class, tier):
    """Nothing goes to the archive, where it could not be read; the class itself is kept."""
    record = Object(0, "v", storage_class=storage_class)
    assert encode("k", record).get("x-ms-access-tier") == tier
    assert "x-ms-access-tier" not in encode("k", record, tiers=False)


def test_what_others_change_in_the_blob_is_seen():
    """Headers, metadata and tags that were set since are read as they are, so that a difference shows."""
    record = Object(0, "v", {"content-encoding": "aws-chunked,gzip"}, {"a": "1"}, {"t": "1", "é": "2"})
    blob = stored("k", record, encode("k", record))
    changed = blob._replace(
        headers={"content-type": "text/html", "content-encoding": "br"},
        metadata={**blob.metadata, "a": "2"},
        tags={"t": "3"},
    )
    assert decode(changed)[1] == record._replace(
        headers={"content-type": "text/html", "content-encoding": "br"},
        metadata={"a": "2"},
        tags={"t": "3", "é": "2"},
    )


@pytest.mark.parametrize(
    "entry", [None, "", "e30", "!", "z", "zAAAA", "eyJ2IjoyfQ", "bnVsbA", "eyJ2IjoxLCJrZXkiOjF9"]
)
def test_a_blob_that_is_not_ours_has_no_version(entry):
    """It is an object all the same, under the key that its name is."""
    metadata = {"own": "1"} if entry is None else {"own": "1", ENTRY: entry}
    blob = Blob("folder/~2E", 5, {"content-type": "text/plain"}, metadata)
    assert decode(blob) == ("folder/.", Object(5, "", {"content-type": "text/plain"}, metadata))
    assert decode_listed(blob) == ("folder/.", Object(5, ""))


def test_a_copy_of_one_of_ours_is_not_ours():
    """A blob that somebody copied with its metadata does not pass for the original."""
    blob = stored("k", Object(1, "v"), encode("k", Object(1, "v")))._replace(name="copy")
    assert decode(blob)[0] == "copy"
    assert decode(blob)[1].version == ""


def test_a_long_key_is_read_from_the_entry():
    """The name is a hash; the raw key stands in the metadata."""
    key = "x" * 1025
    blob = stored(key, Object(1, "v"), encode(key, Object(1, "v")))
    assert decode(blob)[0] == key
    assert decode(blob._replace(metadata={}))[0] is None


@pytest.mark.parametrize(
    "record",
    [
        Object(1, "v", metadata={f"m{number}": "" for number in range(500)}),
        Object(1, "v", metadata={f"m{number}": "v" for number in range(500)}),
        Object(1, "v", tags={f"{'größe' * 25}{number}": "日本" * 128 for number in range(10)}),
    ],
    ids=["many empty", "many plain", "long tags"],
)
def test_as_much_as_s3_allows_fits_where_it_can(record):
    """Many or long ones are kept in the entry, compressed if need be, and in few headers."""
    sent = encode("k", record)
    assert len(sent) < 10
    assert sum(len(name) + len(value) for name, value in sent.items()) < METADATA_BYTES_MAX
    assert decode(stored("k", record, sent)) == ("k", record)


def test_a_description_that_does_not_fit_is_refused():
    """It is a dead letter that says how much there is and how much may be."""
    noise = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(4000))
    record = Object(1, "v", metadata={"note": noise})
    with pytest.raises(ChangeError, match="8192"):
        encode("k", record)


def test_text_that_is_no_text_is_refused():
    """A lone surrogate cannot be written down."""
    with pytest.raises(ChangeError):
        encode("k", Object(1, "v", tags={"t": "\ud800"}))
