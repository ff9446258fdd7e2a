"""What is in a sink, as it is stored there.

``python -m replicator.demo.show orders CUSTOMER [ORDER]`` shows documents of Cosmos DB, ``… invoices
PREFIX`` the blobs whose names begin so, ``… notices`` and ``… steps`` the newest messages of Service Bus.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from itertools import islice

from replicator.demo.invoices.ends import InvoiceEnds
from replicator.demo.orders.ends import OrderEnds
from replicator.demo.orders.making import HASH_KEY, RANGE_KEY
from replicator.demo.pairs import NOTICES, PAIRS, STEPS

SHOWN_MAX = 10


def main() -> None:
    """Print what is asked for."""
    if len(sys.argv) < 2 or sys.argv[1] not in PAIRS:
        sys.exit(__doc__)
    for each in _wanted(sys.argv[1], sys.argv[2:]):
        sys.stdout.write(json.dumps(each, indent=2, ensure_ascii=False) + "\n")


def _wanted(name: str, words: Sequence[str]) -> Iterable[object]:
    if name in {NOTICES.name, STEPS.name}:
        held = list(PAIRS[name].ends(os.environ).in_sink())
        return [{"key": key, **json.loads(text)} for key, text in held[-SHOWN_MAX:]]
    if name == "invoices":
        return islice(InvoiceEnds(os.environ).blobs(words[0] if words else ""), SHOWN_MAX)
    return OrderEnds(os.environ).documents(dict(zip((HASH_KEY, RANGE_KEY), words, strict=False)))


if __name__ == "__main__":
    main()
