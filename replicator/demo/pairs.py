"""The pairs of ends that the demonstration moves, and what can be asked of any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

from replicator.demo.comparison import Comparison, compare
from replicator.demo.invoices.ends import BUCKET, InvoiceEnds
from replicator.demo.ledger import Ledger, LedgerKey
from replicator.demo.messages.ends import MessageEnds
from replicator.demo.orders.ends import TABLE, OrderEnds

Side = Literal["source", "sink"]


class Ends(Protocol):
    """Both ends of a pair, reached with the vendors' own SDKs."""

    def create(self) -> None:
        """Create both, empty."""

    def settings(self) -> dict[str, Any]:
        """The pipeline between them, as the configuration has it, without its name."""

    def in_source(self) -> Iterator[tuple[LedgerKey, str]]:
        """Everything that the source holds, as key and canonical text."""

    def in_sink(self) -> Iterator[tuple[LedgerKey, str]]:
        """Everything that the sink holds, read back."""

    def is_settled(self) -> bool:
        """Whether the source holds nothing that has yet to move by itself."""


@dataclass(frozen=True)
class Pair:
    """A pair of ends.

    Attributes:
        name: of its pipeline.
        source, sink: what the ends are called.
        what: what is carried, in the plural.
        end: what the writer writes to.
        writer: the module of the writer.
        ends: reaches both ends.
        empties: whether the source is empty in the end, because what arrives is taken from it.
    """

    name: str
    source: str
    sink: str
    what: str
    end: str
    writer: str
    ends: Callable[[Mapping[str, str]], Ends]
    empties: bool = False


ORDERS = Pair(
    "orders", "DynamoDB", "Cosmos DB", "orders", TABLE, "replicator.demo.orders.writer", OrderEnds
)
INVOICES = Pair(
    "invoices", "S3", "Blob Storage", "invoices", BUCKET, "replicator.demo.invoices.writer", InvoiceEnds
)
NOTICES = Pair(
    "notices",
    "SQS",
    "Service Bus",
    "notices",
    "notices",
    "replicator.demo.messages.writer",
    partial(MessageEnds, name="notices", fifo=False),
    empties=True,
)
STEPS = Pair(
    "steps",
    "SQS FIFO",
    "Service Bus sessions",
    "steps",
    "steps.fifo",
    "replicator.demo.messages.writer",
    partial(MessageEnds, name="steps", fifo=True),
    empties=True,
)
PAIRS: Mapping[str, Pair] = {pair.name: pair for pair in (ORDERS, INVOICES, NOTICES, STEPS)}


def chosen(names: Sequence[str]) -> list[Pair]:
    """The pairs of these names, in the order of `PAIRS`."""
    return [pair for name, pair in PAIRS.items() if name in names]


def compare_side(name: str, side: Side, environment: Mapping[str, str], ledger: Path) -> Comparison:
    """Read one side of a pair and compare it with the ledger; for a process of its own."""
    pair = PAIRS[name]
    ends = pair.ends(environment)
    if side == "sink":
        return compare(pair.sink, ends.in_sink(), dict(Ledger(ledger).items()))
    return compare(pair.source, ends.in_source(), {} if pair.empties else dict(Ledger(ledger).items()))
