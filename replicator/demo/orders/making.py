"""Orders of a shop, of many shapes and sizes: what a table that grew for years looks like.

Some customers have hundreds of orders, most have one. Among the attributes is everything that a naive copy
to another database loses: decimals and integers beyond a double, binary, sets, empty strings, NULL beside
missing, names that the other side keeps for itself, and keys that are not allowed in its ids.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable

from replicator.demo.orders.canonical import TypedItem, TypedValue

HASH_KEY, RANGE_KEY = "customer", "order"

_FIRMS = [f"firm-{number:02}" for number in range(12)]
_REGULARS = [f"customer-{number:04}" for number in range(300)]
_STRANGE = ["Zoë / Köln", "株式会社 #1", "a?b\\c", "100 %", "..", "~e", "noël\u0301", "🛒", "trailing "]
_STATES = ["placed", "paid", "packed", "shipped", "delivered", "returned"]
_WORDS = ["red", "green", "blue", "small", "large", "oak", "steel", "linen", "lamp", "chair", "rug", "vase"]
_LABEL_CHARACTERS = 24_000
_LINES = [1, 1, 1, 2, 2, 5]


def key_of(item: TypedItem) -> tuple[str, str]:
    """The key of an order."""
    return item[HASH_KEY]["S"], item[RANGE_KEY]["S"]


class Orders:
    """Makes orders, always the same ones from the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a demonstration wants to be repeatable
        self._made = 0

    def make(self) -> dict[str, TypedValue]:
        """The next order, in the form of boto3's client."""
        self._made += 1
        shape = self._random.choices(_SHAPES, _WEIGHTS)[0]
        order: dict[str, TypedValue] = {
            HASH_KEY: {"S": self._customer()},
            RANGE_KEY: {"S": f"2026-{self._made % 12 + 1:02}-{self._made % 28 + 1:02}#{self._made:07}"},
            **self.news(),
            "lines": {"L": [self._line() for _ in range(self._random.choice(_LINES))]},
        }
        order.update(shape(self._random))
        return order

    def news(self) -> dict[str, TypedValue]:
        """What an update of an order sets."""
        cents = self._random.randint(100, 99_999_999)
        return {
            "status": {"S": self._random.choice(_STATES)},
            "total": {"N": f"{cents // 100}.{cents % 100:02}"},
            "revision": {"N": str(self._random.getrandbits(62))},
        }

    def _customer(self) -> str:
        dice = self._random.random()
        if dice < 0.3:
            return self._random.choice(_FIRMS)
        if dice < 0.83:
            return self._random.choice(_REGULARS)
        return (
            self._random.choice(_STRANGE) if dice < 0.56 else f"guest-{self._random.getrandbits(48):012x}"
        )

    def _line(self) -> TypedValue:
        line = {
            "sku": {"S": "-".join(self._random.sample(_WORDS, 3))},
            "quantity": {"N": str(self._random.randint(1, 12))},
            "price": {"N": f"{self._random.randint(1, 9999) / 100:.2f}"},
        }
        return {"M": line}


def _plain(_chance: random.Random) -> TypedItem:
    return {}


def _address(chance: random.Random) -> TypedItem:
    street = f"{chance.choice(_WORDS).title()} Street {chance.randint(1, 200)}"
    return {
        "address": {
            "M": {
                "street": {"S": street},
                "city": {"S": chance.choice(["Kraków", "Malmö", "東京", "Αθήνα", "São Paulo"])},
                "floor": {"NULL": True},
                "place": {"L": [{"N": "52.2296756"}, {"N": "-21.0122287"}]},
            }
        },
        "remark": {"S": ""},
        "gift": {"BOOL": chance.random() < 0.2},
        "extras": {"M": {}},
    }


def _sets(chance: random.Random) -> TypedItem:
    return {
        "labels": {"SS": chance.sample(_WORDS, 4)},
        "parcels": {"NS": [str(2**53 + 1), "0.1", "-17", f"{chance.random():.12f}"]},
        "seals": {"BS": [chance.randbytes(8), chance.randbytes(12)]},
    }


def _binary(chance: random.Random) -> TypedItem:
    return {"signature": {"B": chance.randbytes(256)}, "empty": {"B": b""}}


def _numbers(chance: random.Random) -> TypedItem:
    return {
        "snowflake": {"N": str(chance.getrandbits(63) | 1 << 62)},
        "exact": {"N": "0.1234567890123456789012345678901234567"},
        "huge": {"N": "1E+125"},
        "tiny": {"N": "-1E-129"},
        "whole": {"N": "12345678901234567890123456789012345678"},
    }


def _reserved(chance: random.Random) -> TypedItem:
    return {
        "id": {"N": str(chance.randint(1, 999_999))},
        "_id": {"S": "an attribute of the user's"},
        "ttl": {"N": "1893456000"},
        "_etag": {"S": "not yours"},
        "pk": {"BOOL": True},
        "replicator": {"M": {"v": {"N": "1"}}},
    }


def _parcel(chance: random.Random) -> TypedItem:
    text = base64.b64encode(chance.randbytes(_LABEL_CHARACTERS * 3 // 4)).decode()
    return {"label_image": {"S": text}, "history": {"L": [{"L": [{"L": [{"S": "deep"}]}]}]}}


_SHAPES: list[Callable[[random.Random], TypedItem]] = [
    _plain,
    _address,
    _sets,
    _binary,
    _numbers,
    _reserved,
    _parcel,
]
_WEIGHTS = [500, 200, 80, 80, 90, 45, 5]
