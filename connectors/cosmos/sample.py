"""The preflight's look at some of the source's records: what their documents would be like. Pure.

It is a sample and says so: what it does not hold may still be refused, and then becomes a dead letter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from connectors.cosmos.codec import DOCUMENT_BYTES_MAX
from connectors.cosmos.layout import Layout
from replicator.connector import Finding, Severity
from replicator.model.change import Row
from replicator.model.errors import ChangeError
from replicator.model.key import key_text
from replicator.model.record import require_item

CROWDED_ROWS_MIN = 100
"""So many records of a sample under one partition key value, and most of it, are worth a word."""

_KB = 1024


def examine(rows: Sequence[Row], layout: Layout, now: float) -> Sequence[Finding]:
    """What is worth knowing about these records, a sample of the source's; nothing of an empty one."""
    sizes: list[int] = []
    refused: list[tuple[Row, ChangeError]] = []
    for row in rows:
        try:
            sizes.append(layout.document(require_item(row.record), layout.place(row.key), now).size_bytes)
        except ChangeError as error:
            refused.append((row, error))
    remarks = [*_of_sizes(sizes), *_of_refused(refused, len(rows)), *_of_crowding(rows, layout)]
    return [*remarks, *_of_expiry(rows, layout.ttl_attribute)]


def _of_sizes(sizes: Sequence[int]) -> Iterator[Finding]:
    if sizes:
        largest, average = max(sizes) / _KB, sum(sizes) / len(sizes) / _KB
        yield Finding(
            Severity.WARNING,
            f"in a sample of {len(sizes)} records a document has {average:.1f} KB, the largest "
            f"{largest:.1f} KB, of {DOCUMENT_BYTES_MAX // _KB} KB at most",
            "it is a sample: others may be larger; a write costs about 5 request units per KB",
        )


def _of_refused(refused: Sequence[tuple[Row, ChangeError]], all_rows: int) -> Iterator[Finding]:
    if refused:
        row, error = refused[0]
        yield Finding(
            Severity.WARNING,
            f"in a sample of {all_rows} records {len(refused)} cannot be documents, the first, "
            f"{key_text(row.key)}: {error.message}",
            "each becomes a dead letter and keeps the gate closed until it is replayed or waived; mend "
            "them at the source",
        )


def _of_crowding(rows: Sequence[Row], layout: Layout) -> Iterator[Finding]:
    """Whether a few hash keys hold most; with a hierarchical key they may."""
    if layout.hierarchical:
        return
    counts = Counter(row.key[0] for row in rows if len(row.key) == 2).most_common(1)
    if counts and counts[0][1] >= CROWDED_ROWS_MIN and counts[0][1] * 2 > len(rows):
        yield Finding(
            Severity.WARNING,
            f"in a sample of {len(rows)} records {counts[0][1]} have one partition key value, and the "
            "service holds 20 GB of one",
            "where one hash key may exceed that, create the container with the hierarchical partition key "
            "/pk, /id and set partition_key_paths",
        )


def _of_expiry(rows: Sequence[Row], attribute: str | None) -> Iterator[Finding]:
    """Whether the attribute that is said to expire items is there at all."""
    if attribute is None or not rows:
        return
    if not any(attribute in require_item(row.record).attributes for row in rows):
        yield Finding(
            Severity.WARNING,
            f"in a sample of {len(rows)} records none has the attribute {attribute}",
            "ttl_attribute is the name of the attribute that the source expires items by",
        )
