"""One text for objects that mean the same, whoever wrote or read them. Nothing of Replicator is in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from email.header import decode_header, make_header

HEADERS = ("content-type", "content-encoding", "content-language", "content-disposition", "cache-control")


def canonical(
    digest: str, size: int, headers: Mapping[str, str], metadata: Mapping[str, str], tags: Mapping[str, str]
) -> str:
    """The text of an object: the SHA-256 and size of its body, and everything that describes it."""
    described = {"sha256": digest, "size": size, "headers": headers, "metadata": metadata, "tags": tags}
    return json.dumps(described, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def retagged(text: str, tags: Mapping[str, str]) -> str:
    """The text of the same object with other tags."""
    described = json.loads(text) | {"tags": tags}
    return json.dumps(described, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest_of(chunks: Iterable[bytes]) -> tuple[str, int]:
    """SHA-256 and size of a body."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def decoded(value: str) -> str:
    """A metadata value as it was meant: S3 gives back what is not ASCII encoded by RFC 2047."""
    return str(make_header(decode_header(value))) if value.startswith("=?") else value
