"""What the service says of an object becomes a neutral object, exactly, or is refused."""

import base64
from decimal import Decimal
from email.header import Header
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.s3 import answers, checksums, codec
from connectors.s3.answers import Listed
from replicator.model.errors import ChangeError

HEADERS = {
    "content-length": "5",
    "etag": '"5d41402abc4b2a76b9719d911017c592"',
    "last-modified": "Wed, 25 Nov 2026 13:33:50 GMT",
}
keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(keys)
def test_a_path_names_its_key(key):
    """Every key has a path of its own, with its slashes, and no path loses a segment."""
    path = codec.path_of(key)
    assert unquote(path, errors="strict") == key
    assert path.isascii()
    assert path.count("/") == key.count("/")


@pytest.mark.parametrize(
    "modified",
    ["2026-11-25T13:33:50.000Z", "2026-11-25T13:33:50.999Z", "2026-11-25T13:33:50Z"],
)
def test_a_listing_and_headers_name_the_same_version(modified):
    """Whatever fraction of a second a listing shows."""
    row = codec.row_of(Listed("a", 5, "5d41402abc4b2a76b9719d911017c592", modified))
    found = codec.object_of("a", HEADERS, {})
    assert row.record.version == found.version == "5d41402abc4b2a76b9719d911017c592@1795613630"
    assert (row.key, row.record.size) == (("a",), found.size)


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60))
def test_encoded_metadata_is_decoded(text):
    """A value that was encoded as RFC 2047 says comes out as it was."""
    for coding in ("B", "Q"):
        encoded = _encoded(text, coding)
        assert codec.plain_text(encoded) == text


def _encoded(text, coding):
    raw = text.encode()
    if coding == "B":
        return f"=?UTF-8?B?{base64.b64encode(raw).decode()}?="
    return "=?utf-8?q?" + "".join(f"={byte:02X}" for byte in raw) + "?="


def test_encoded_words_in_a_row_are_one_text():
    """Long values come as several words, and the space between them is none of the value."""
    long = "grüße " * 30
    assert codec.plain_text(Header(long, "utf-8", maxlinelen=70).encode().replace("\n", "")) == long


@pytest.mark.parametrize(
    "value",
    ["", "plain", "=?", "=?UTF-8?B?!?=", "=?none?B?YQ==?=", "see =?UTF-8?B?YQ==?=", "a=?UTF-8?Q?b?="],
)
def test_other_metadata_stays_as_it_is(value):
    """What is not made of encoded words, or of words that mean nothing, is the value itself."""
    assert codec.plain_text(value) == value


@pytest.mark.parametrize("given", ["gzip", "aws-chunked", "gzip, aws-chunked", "gzip,  br", ""])
def test_the_encoding_is_told_as_it_is(given):
    """The token that SDKs send with is the sink's to hide: leaving it out here would lose it."""
    found = codec.object_of("a", HEADERS | {"content-encoding": given}, {})
    assert found.headers["content-encoding"] == given


def test_headers_are_kept_as_they_are():
    """A time of expiry that is no time, too; the standard storage class has no name."""
    found = codec.object_of(
        "a",
        HEADERS | {"expires": "soon", "x-amz-storage-class": "STANDARD", "x-amz-meta-a-b": "v"},
        {"t": "v"},
    )
    assert found.headers == {"expires": "soon"}
    assert (found.storage_class, found.metadata, found.tags) == ("", {"a-b": "v"}, {"t": "v"})


@pytest.mark.parametrize("name", ["content-length", "last-modified"])
@pytest.mark.parametrize("value", [None, "", "soon"])
def test_headers_that_are_not_of_s3_are_refused(name, value):
    """They are a change that cannot be carried, with its key, and no crash."""
    headers = {each: text for each, text in HEADERS.items() if each != name}
    with pytest.raises(ChangeError, match="the key"):
        codec.object_of("the key", headers if value is None else headers | {name: value}, {})


@pytest.mark.parametrize(
    "more",
    [
        {"x-amz-missing-meta": "2"},
        {"x-amz-website-redirect-location": "/x"},
        {"x-amz-object-lock-mode": "GOVERNANCE"},
        {"x-amz-object-lock-legal-hold": "ON"},
        {"x-amz-storage-class": "DEEP_ARCHIVE"},
        {"x-amz-storage-class": "GLACIER", "x-amz-restore": 'ongoing-request="true"'},
        {"x-amz-archive-status": "ARCHIVE_ACCESS"},
    ],
)
def test_what_cannot_be_carried_is_an_obstacle(more):
    """Each with its key and a hint."""
    found = codec.obstacle("the key", HEADERS | more)
    assert "the key" in found.message
    assert found.hint


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"x-amz-missing-meta": "0"},
        {"x-amz-object-lock-legal-hold": "OFF"},
        {"x-amz-storage-class": "GLACIER_IR"},
        {"x-amz-storage-class": "GLACIER", "x-amz-restore": 'ongoing-request="false", expiry-date="x"'},
    ],
)
def test_the_rest_is_carried(more):
    """A restored object can be read, and instant retrieval needs no restoring."""
    assert codec.obstacle("a", HEADERS | more) is None


def test_an_etag_is_an_md5_only_where_it_is_one():
    """Not of parts, and not under a key of the key service or of the customer."""
    assert checksums.vouched(HEADERS) == {"md5": "5d41402abc4b2a76b9719d911017c592"}
    assert checksums.vouched(HEADERS | {"x-amz-server-side-encryption": "AES256"}).keys() == {"md5"}
    for more in (
        {"etag": '"5d41402abc4b2a76b9719d911017c592-2"'},
        {"x-amz-server-side-encryption": "aws:kms"},
        {"x-amz-server-side-encryption": "aws:kms:dsse"},
        {"x-amz-server-side-encryption-customer-algorithm": "AES256"},
    ):
        assert checksums.vouched(HEADERS | more) == {}


def test_only_checksums_of_the_whole_object_count():
    """CRC64NVME comes with the most significant byte first, and a composite one vouches for nothing."""
    value = base64.b64encode(bytes.fromhex("ae8b14860a799888")).decode()
    full = {"etag": '"x"', "x-amz-checksum-crc64nvme": value, "x-amz-checksum-type": "FULL_OBJECT"}
    assert checksums.vouched(full) == {"crc64nvme": "ae8b14860a799888"}
    assert checksums.vouched(full | {"x-amz-checksum-type": "COMPOSITE"}) == {}
    assert checksums.vouched({"etag": '"x"', "x-amz-checksum-sha1": f"{value}-2"}) == {}


def test_a_listing_is_taken_apart():
    """Keys come as forms encode them; what is beside the objects is not one."""
    body = b"""<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
    <Name>b</Name><Prefix/><IsTruncated>true</IsTruncated><Contents><Key>a+b%2Bc/%C3%BC%01</Key>
    <LastModified>2026-11-25T13:33:50.333Z</LastModified><ETag>&quot;e-2&quot;</ETag><Size>7</Size>
    <Owner><ID>1</ID></Owner></Contents><CommonPrefixes><Prefix>x</Prefix></CommonPrefixes></ListBucketResult>"""
    page = answers.listing(body)
    assert page.objects == [Listed("a b+c/ü\x01", 7, "e-2", "2026-11-25T13:33:50.333Z")]
    assert page.more


@pytest.mark.parametrize("body", [b"", b"<a>", b"<html><body/></html>", b"{}"])
def test_what_is_no_listing_is_never_an_empty_one(body):
    """Half an answer must not look like the end of a bucket."""
    with pytest.raises(ValueError, match="not "):
        answers.listing(body)


def test_tags_and_errors_are_taken_apart():
    """Tags without a value have an empty one; an answer without a body says nothing."""
    body = (
        b"<Tagging><TagSet><Tag><Key>k</Key><Value>v &amp; w</Value></Tag>"
        b"<Tag><Key>e</Key><Value/></Tag></TagSet></Tagging>"
    )
    assert answers.tags(body) == {"k": "v & w", "e": ""}
    told = answers.error(b"<Error><Code>NoSuchKey</Code><Message>m</Message><Key>k</Key></Error>")
    assert told == ("NoSuchKey", "m", "", "")
    assert answers.error(b"") == ("", "", "", "")


@pytest.mark.parametrize("key", [b"\x01", b"&#x1;", b"\xef\xbf\xbe", b"<"])
def test_an_error_about_a_key_that_is_no_xml_is_understood(key):
    """A key of control characters makes the answer no XML, and what it says of the key counts."""
    told = answers.error(
        b"<Error><Code>NoSuchKey</Code><Message>m</Message><Key>" + key + b"</Key></Error>"
    )
    assert told == ("NoSuchKey", "m", "", "")


@pytest.mark.parametrize("key", [("",), ("a", "b"), (Decimal(1),), (b"a",)])
def test_what_no_object_can_be_called_is_refused(key):
    """An empty key would ask for the bucket itself."""
    with pytest.raises(ChangeError, match="no key of an object"):
        codec.name_of(key)
