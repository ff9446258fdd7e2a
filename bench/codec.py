"""The codec's part: from the neutral item to the document and back, without any call.

`python -m bench.codec` measures it alone; its target is 50,000 ordinary items a second on one core.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from bench.stage import SHAPES, item_of
from connectors.cosmos.codec import Encoded, decode, encode
from connectors.cosmos.keys import place
from replicator.model.record import Item
from replicator.model.values import Value

_ROUNDS = 20_000
_DISTINCT = 100


def measure_codec() -> dict[str, float]:
    """CPU microseconds an item of 1 KB, by what is done with it.

    ``encode`` gives the document and its size in bytes, the key's place included; ``decode`` the key and
    the item of a parsed document. Ordinary items have 12 attributes, three of them nested; exact ones have
    a value of every type, and numbers that need a tag.
    """
    figures = {}
    for name, make in (("ordinary", _ordinary), ("exact", _exact)):
        items = [make(number) for number in range(_DISTINCT)]
        documents = [orjson.loads(orjson.dumps(_encoded(item).document)) for item in items]
        figures[f"encode_{name}"] = _microseconds(_encoded, items)
        figures[f"decode_{name}"] = _microseconds(decode, documents)
    return figures


def _encoded(item: Mapping[str, Value]) -> Encoded:
    return encode(Item(item), place((item["pk"]["S"], item["sk"]["S"])))


def _microseconds(act: Callable[[Any], object], things: Sequence[Any]) -> float:
    began = time.process_time()
    for round_ in range(_ROUNDS):
        act(things[round_ % len(things)])
    return (time.process_time() - began) / _ROUNDS * 1e6


def _ordinary(number: int) -> dict[str, Value]:
    return item_of(number, SHAPES[0]) | {
        "customer_id": {"N": str(4_711_000 + number)},
        "discount": {"N": "0.075"},
        "note": {"S": "x" * 560},
    }


def _exact(number: int) -> dict[str, Value]:
    return item_of(number, SHAPES[0]) | {
        "id": {"N": str(9_007_199_254_740_993 + number)},
        "price": {"N": "19.999999999999999999"},
        "signature": {"B": bytes(range(64))},
        "colours": {"SS": ["red", "green", "blue"]},
        "sizes": {"NS": ["38", "40", "42.5"]},
        "note": {"S": "x" * 400},
    }


def main() -> None:
    """Print the figures."""
    for name, microseconds in measure_codec().items():
        print(f"{name:18} {microseconds:6.2f} µs CPU an item  {1e6 / microseconds:9,.0f} a second")


if __name__ == "__main__":
    main()
