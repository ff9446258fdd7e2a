"""Checksums of bodies are those that the algorithms define, however the bytes come."""

import hashlib
import zlib

from hypothesis import given
from hypothesis import strategies as st

from connectors.wire.checksums import Digests, cheapest


@given(st.lists(st.binary(max_size=50), max_size=6))
def test_checksums_go_over_chunks(chunks):
    """Computed in pieces they are those of the whole; the cheapest one is chosen."""
    whole = b"".join(chunks)
    digests = Digests(["crc32", "sha256", "md5", "crc64nvme", "nothing"])
    for chunk in chunks:
        digests.update(chunk)
    found = digests.values()
    assert digests.size == len(whole)
    assert found["crc32"] == f"{zlib.crc32(whole):08x}"
    assert found["sha256"] == hashlib.sha256(whole).hexdigest()
    assert "nothing" not in found
    assert cheapest(found) == ["crc64nvme"]
    assert cheapest(["nothing"]) == []


def test_checksums_are_those_of_the_catalogue():
    """Each algorithm gives the known value of "123456789", in one piece and in several."""
    known = {
        "md5": "25f9e794323b453885f5181f1b624d0b",
        "sha1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
        "sha256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
        "crc32": "cbf43926",
        "crc32c": "e3069283",
        "crc64nvme": "ae8b14860a799888",
    }
    whole, parts = Digests(known), Digests([*known, "unheard-of"])
    whole.update(b"123456789")
    for part in (b"1234", b"", b"56789"):
        parts.update(part)
    assert whole.values() == parts.values() == known
    assert parts.size == 9
