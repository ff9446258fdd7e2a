"""The preflight's look at some of the source's objects: what their blobs would be like. Pure.

It is a sample and says so: what it does not hold may still be refused, and then becomes a dead letter. No
two keys have one name (``names``), so no such pair is looked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from connectors.blob.codec import ENTRY, encode, metadata_in
from connectors.blob.config import BLOB_BYTES_MAX
from connectors.blob.names import blob_name, is_digest
from replicator.connector import Finding, Severity
from replicator.model.change import Row
from replicator.model.errors import ChangeError
from replicator.model.key import key_text
from replicator.model.record import Object

_ENTRY_HINT = (
    f"the copy keeps them exactly, in the metadata entry `{ENTRY}`, where only who knows its form finds "
    "them (docs/stored-form-blob.md): see whether the functions at the target read them"
)


class _Blob(NamedTuple):
    """What an object would be."""

    key: str
    name: str
    record: Object
    odd_metadata: bool
    odd_tags: bool


def examine(rows: Sequence[Row], *, blob_tags: bool) -> Sequence[Finding]:
    """What is worth knowing about these objects, a sample of the source's; nothing of an empty one.

    Of an object without headers, as a listing tells it, only name and size are judged.
    """
    blobs: list[_Blob] = []
    refused: list[tuple[Row, ChangeError]] = []
    for row in rows:
        if isinstance(row.record, Object):
            try:
                blobs.append(_blob(str(row.key[0]), row.record, blob_tags=blob_tags))
            except ChangeError as error:
                refused.append((row, error))
    return [
        *_of_refused(refused, len(rows)),
        *_of_names(blobs),
        *_of_fields(blobs, blob_tags=blob_tags),
    ]


def _blob(key: str, record: Object, *, blob_tags: bool) -> _Blob:
    name = blob_name(key)
    headers = encode(key, record, blob_tags=blob_tags)
    if record.size > BLOB_BYTES_MAX:
        raise ChangeError(f"its {record.size} bytes are more than the {BLOB_BYTES_MAX} of a blob")
    shown = metadata_in(headers).keys() - {ENTRY}
    tags = headers.get("x-ms-tags", "")
    count = tags.count("&") + 1 if tags else 0
    return _Blob(key, name, record, len(shown) < len(record.metadata), count < len(record.tags))


def _of_refused(refused: Sequence[tuple[Row, ChangeError]], all_rows: int) -> Iterator[Finding]:
    if refused:
        row, error = refused[0]
        yield Finding(
            Severity.WARNING,
            f"in a sample of {all_rows} objects {len(refused)} cannot be blobs, the first, "
            f"{key_text(row.key)}: {error.message}",
            "each becomes a dead letter and keeps the gate closed until it is replayed or waived; mend "
            "them at the source",
        )


def _of_names(blobs: Sequence[_Blob]) -> Iterator[Finding]:
    digests = [each for each in blobs if is_digest(each.name) and each.name != each.key]
    escaped = [each for each in blobs if each.name != each.key and each not in digests]
    hint = "whoever reads blobs by name has to know that form, docs/stored-form-blob.md"
    if escaped:
        one = escaped[0]
        yield Finding(
            Severity.WARNING,
            f"in a sample of {len(blobs)} objects {len(escaped)} have keys that Azure would refuse or take "
            f"for others, such as {one.key!r}, whose blob is {one.name!r}",
            hint,
        )
    if digests:
        one = digests[0]
        yield Finding(
            Severity.WARNING,
            f"in a sample of {len(blobs)} objects {len(digests)} have keys that are too long for a blob "
            f"once they are escaped, such as {one.key[:40]!r}…, whose blob is {one.name!r}",
            hint,
        )


def _of_fields(blobs: Sequence[_Blob], *, blob_tags: bool) -> Iterator[Finding]:
    whole = sum(bool(each.record.headers) for each in blobs)
    for what, odd in (
        ("metadata that Azure's own does not take", [each for each in blobs if each.odd_metadata]),
        ("tags that Azure's own do not take", [each for each in blobs if blob_tags and each.odd_tags]),
    ):
        if odd:
            yield Finding(
                Severity.WARNING,
                f"in a sample of {whole} objects {len(odd)} have {what}, such as {odd[0].key!r}",
                _ENTRY_HINT,
            )
