"""Reads the XML of the service's answers; the SDK takes ten times as long for a page. Pure."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from connectors.blob.codec import Blob
from connectors.blob.errors import unanswered, without_effect


class Listed(NamedTuple):
    """A blob of a listing, and its ETag, quoted as everywhere else."""

    blob: Blob
    etag: str


def blobs_in(text: bytes) -> tuple[list[Listed], str | None]:
    """The blobs of a page of List Blobs, and the marker of the next page, None after the last.

    Raises:
        TransientError: it is not such a page.
    """
    root = _parsed(text)
    blobs = root.find("Blobs")
    return [_listed(each) for each in blobs or ()], root.findtext("NextMarker") or None


def tags_in(text: bytes) -> dict[str, str]:
    """The tags that Get Blob Tags answers."""
    return {
        tag.findtext("Key") or "": tag.findtext("Value") or ""
        for tag in _parsed(text).iterfind("TagSet/Tag")
    }


def message_in(text: bytes) -> str:
    """What an answer that is a refusal says in words; empty where it says nothing."""
    try:
        return ET.fromstring(text).findtext("Message") or ""  # noqa: S314 - as in _parsed
    except ET.ParseError:
        return ""


def setting_in(text: bytes, path: str) -> str:
    """One setting of Get Blob Service Properties; empty where it is not told."""
    return _parsed(text).findtext(path) or ""


def block_list(identities: list[str]) -> bytes:
    """The body of Put Block List for blocks that were staged and not committed."""
    blocks = "".join(f"<Uncommitted>{escape(each)}</Uncommitted>" for each in identities)
    return f'<?xml version="1.0" encoding="utf-8"?><BlockList>{blocks}</BlockList>'.encode()


def _parsed(text: bytes) -> ET.Element:
    try:
        # The account is trusted with the objects themselves, and expat bounds the expansion of entities.
        return ET.fromstring(text.removeprefix(b"\xef\xbb\xbf"))  # noqa: S314
    except ET.ParseError as error:
        raise without_effect(unanswered(f"the answer is not XML: {error}")) from error


def _listed(element: ET.Element) -> Listed:
    name, properties, metadata = element.find("Name"), element.find("Properties"), element.find("Metadata")
    if name is None or properties is None:
        raise without_effect(unanswered("the listing shows a blob without a name or properties"))
    text = name.text or ""
    blob = Blob(
        name=unquote(text) if name.get("Encoded") == "true" else text,
        size=int(properties.findtext("Content-Length") or 0),
        metadata={} if metadata is None else {each.tag.lower(): each.text or "" for each in metadata},
    )
    return Listed(blob, quoted(properties.findtext("Etag") or ""))


def quoted(etag: str) -> str:
    """An ETag as headers show it; listings show it without quotes."""
    return etag if etag.startswith(('"', "W/")) else f'"{etag}"'
