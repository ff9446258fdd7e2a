"""Messages of a shop: notices, which may come in any order, and the steps of orders, which may not.

Bodies are JSON, most are short, a few are large. Among the attributes is what a naive copy loses: numbers
beyond a double, binary, types of the sender's own, and names that the other side keeps for itself.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

from replicator.demo.messages.canonical import Attribute

GROUPS = [
    *(f"customer-{number:04}" for number in range(18)),
    "firm:02/eu",
    "~firm",
    "$#!?=&;",
    "g" * 120,
]
"""Customers, in whose groups the order of steps counts."""

_STEPS = ["placed", "paid", "packed", "shipped", "delivered", "returned"]
_TEXTS = ["Guten Tag, Zoë", "ご注文ありがとうございます", "🧾", "a\tb\nc", "plain", '"quoted" \\ <xml/>']
_LARGE_CHARACTERS = 60_000


@dataclass(frozen=True)
class Made:
    """A message as it is sent; ``group`` of a step only."""

    body: str
    attributes: dict[str, Attribute]
    group: str | None = None


class Messages:
    """Makes messages, always the same ones from the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a demonstration wants to be repeatable
        self._made = 0

    def notice(self) -> Made:
        """The next notice."""
        return Made(self._body({"text": self._random.choice(_TEXTS)}), self._attributes())

    def step(self) -> Made:
        """The next step of some customer's order."""
        body = self._body({"step": self._random.choice(_STEPS)})
        return Made(body, self._attributes(), self._random.choice(GROUPS))

    def _body(self, content: dict[str, str]) -> str:
        self._made += 1
        if self._random.random() < 0.004:
            content["label"] = self._random.randbytes(_LARGE_CHARACTERS // 2).hex()
        content["note"] = "x" * self._random.choice([0, 10, 100, 100, 400, 1_000])
        return json.dumps({"number": self._made, **content}, ensure_ascii=False)

    def _attributes(self) -> dict[str, Attribute]:
        attributes = {"kind": Attribute("String", self._random.choice(_STEPS))}
        dice = self._random.random()
        if dice < 0.3:
            attributes["revision"] = Attribute("Number", str(self._random.getrandbits(100)))
            attributes["share"] = Attribute("Number.float", "0.1234567890123456789")
        elif dice < 0.4:
            attributes["seal"] = Attribute("Binary", self._random.randbytes(16))
            attributes["icon"] = Attribute("Binary.png", b"\x89PNG\xff")
        elif dice < 0.45:
            attributes["DeadLetterReason"] = Attribute("String", "an attribute of the sender's")
            attributes["Replicator.v"] = Attribute("String.own", "not yours")
        return attributes
