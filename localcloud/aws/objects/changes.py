"""Which events a write makes, told from the call and the reply, purely."""

from collections.abc import Iterator
from dataclasses import dataclass

from localcloud.aws.messages import Call
from localcloud.aws.objects.markup import inner, text

__all__ = ["WRITES", "Change", "Outcome", "changes"]

_CREATED = {
    "PutObject": "ObjectCreated:Put",
    "CopyObject": "ObjectCreated:Copy",
    "CompleteMultipartUpload": "ObjectCreated:CompleteMultipartUpload",
}
_TAGGED = {"PutObjectTagging": "ObjectTagging:Put", "DeleteObjectTagging": "ObjectTagging:Delete"}

WRITES = frozenset({*_CREATED, *_TAGGED, "DeleteObject", "DeleteObjects"})
"""The operations that make events."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a write ended: the call, its body where that was none of an object, and what the reply told."""

    call: Call
    sent: bytes
    etag: str | None
    version: str | None
    is_marker: bool
    body: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """An event without its when and where.

    `size` is None where the call does not tell it, and the object has to be asked.
    """

    name: str
    key: str
    size: int | None = None
    etag: str | None = None
    version: str | None = None


def changes(outcome: Outcome) -> Iterator[Change]:
    """Yield the changes of one write that succeeded."""
    about = outcome.call.about
    if about is None:
        return
    if name := _CREATED.get(about.operation):
        yield Change(name, about.key, _size(outcome), _etag(outcome), outcome.version)
    elif name := _TAGGED.get(about.operation):
        yield Change(name, about.key, None, None, outcome.version)
    elif about.operation == "DeleteObject":
        marked = outcome.is_marker and "versionId" not in about.query
        yield _removed(about.key, outcome.version, marked=marked)
    else:
        yield from _removed_many(outcome)


def _size(outcome: Outcome) -> int | None:
    if outcome.call.about is None or outcome.call.about.operation != "PutObject":
        return None
    length = outcome.call.header("x-amz-decoded-content-length") or outcome.call.header("content-length")
    return int(length) if length else None


def _etag(outcome: Outcome) -> str | None:
    etag = outcome.etag or text(outcome.body.decode(), "ETag")
    return etag.strip('"') if etag else None


def _removed(key: str, version: str | None, *, marked: bool) -> Change:
    return Change("ObjectRemoved:" + ("DeleteMarkerCreated" if marked else "Delete"), key, version=version)


def _removed_many(outcome: Outcome) -> Iterator[Change]:
    # The reply of a quiet call names only what failed, so the request is what is gone through.
    reply = outcome.body.decode()
    failed = {(text(error, "Key"), text(error, "VersionId")) for error in inner(reply, "Error")}
    told = {text(one, "Key"): text(one, "DeleteMarkerVersionId") for one in inner(reply, "Deleted")}
    for wanted in inner(outcome.sent.decode(), "Object"):
        key, version = text(wanted, "Key") or "", text(wanted, "VersionId")
        if (key, version) not in failed and (key, None) not in failed:
            marker = None if version else told.get(key)
            yield _removed(key, version or marker, marked=bool(marker))
