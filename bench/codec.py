"""The codec's part: from the neutral item to the document, without any call."""

from __future__ import annotations

import time

from bench.stage import SHAPES, item_of
from connectors.cosmos.codec import encode
from connectors.cosmos.keys import place
from replicator.model.record import Item

_ROUNDS = 20_000


def measure_codec() -> float:
    """CPU microseconds an item of 1 KB."""
    items = [item_of(number, SHAPES[0]) for number in range(100)]
    began = time.process_time()
    for round_ in range(_ROUNDS):
        item = items[round_ % len(items)]
        encode(Item(item), place((item["pk"]["S"], item["sk"]["S"])))
    return (time.process_time() - began) / _ROUNDS * 1e6
