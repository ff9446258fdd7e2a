"""Answers in XML are read as the service writes them."""

import pytest

from connectors.blob.codec import Blob
from connectors.blob.listing import Listed, blobs_in, block_list, message_in, tags_in
from replicator.model.errors import TransientError

PAGE = """\ufeff<?xml version="1.0" encoding="utf-8"?>
<EnumerationResults ServiceEndpoint="https://shop.blob.core.windows.net/" ContainerName="invoices"><Blobs>
<Blob><Name>a/&amp;b </Name><Properties><Etag>0x8D1</Etag><Content-Length>12</Content-Length></Properties>
<Metadata><Replicator>e30</Replicator><note>v w</note><empty /></Metadata><OrMetadata /></Blob>
<Blob><Name Encoded="true">x%EF%BF%BE</Name><Properties><Etag>"0x2"</Etag><Content-Length>0</Content-Length>
</Properties></Blob>
</Blobs><NextMarker>2!76!x--</NextMarker></EnumerationResults>"""


def test_a_page_is_read():
    """Names, sizes, metadata and ETags, with or without what the service may leave out."""
    assert blobs_in(PAGE.encode()) == (
        [
            Listed(
                Blob("a/&b ", 12, metadata={"replicator": "e30", "note": "v w", "empty": ""}), '"0x8D1"'
            ),
            Listed(Blob("x\ufffe", 0), '"0x2"'),
        ],
        "2!76!x--",
    )


def test_the_last_page_has_no_marker():
    """Neither an empty marker nor a missing one is a cursor."""
    for marker in ("", "<NextMarker />", "<NextMarker></NextMarker>"):
        text = f"<EnumerationResults><Blobs />{marker}</EnumerationResults>"
        assert blobs_in(text.encode()) == ([], None)


def test_tags_are_read():
    """An empty value is a value."""
    tags = b"<Tag><Key>a b</Key><Value>1</Value></Tag><Tag><Key>c</Key><Value /></Tag>"
    assert tags_in(b"<Tags><TagSet>%s</TagSet></Tags>" % tags) == {"a b": "1", "c": ""}


@pytest.mark.parametrize("text", [b"", b"<html>", b"<A><Blobs><Blob /></Blobs></A>"])
def test_what_is_no_listing_is_not_taken_for_one(text):
    """A broken or foreign answer is no empty container."""
    with pytest.raises(TransientError):
        blobs_in(text)


def test_refusals_say_why():
    """The message of an answer is found; an answer that is no XML has none."""
    assert (
        message_in(b"<Error><Code>C</Code><Message>why\nRequestId:1</Message></Error>")
        == "why\nRequestId:1"
    )
    assert message_in(b"gateway") == ""


def test_a_block_list_names_uncommitted_blocks():
    """Blocks of an earlier blob are never meant."""
    assert block_list(["AA==", "AQ=="]) == (
        b'<?xml version="1.0" encoding="utf-8"?><BlockList><Uncommitted>AA==</Uncommitted>'
        b"<Uncommitted>AQ==</Uncommitted></BlockList>"
    )
