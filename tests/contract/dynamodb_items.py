"""Odd items for round trips: everything that DynamoDB takes, at its limits, drawn by a seed."""

import random
from decimal import Decimal

TEXTS = [
    "",
    " ",
    "a\x00b",
    "\x7f\x85\u2028",
    "é",
    "e\u0301",
    "日本語",
    "😀",
    "\ufeff\ufffe",
    "null",
    "1E+400",
    '{"N":"1"}',
    "../..",
    "x" * 5000,
]
NUMBERS = [
    "0",
    "-0",
    "1",
    "-1",
    "0.1",
    "1.10",
    "100",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "-9007199254740993",
    "18446744073709551615",
    "123456789012345678901234567890.12345678",
    "99999999999999999999999999999999999999",
    "0.00000000000000000000000000000000000001",
    "9.9999999999999999999999999999999999999E+125",
    "-9.9999999999999999999999999999999999999E+125",
    "1E-130",
    "-1E-130",
    "1E+125",
    "1.7976931348623157E+125",
    "4.35",
    "2.675",
    "1767225600",
]
BINARIES = [b"", b"\x00", bytes(range(256)), b"not base64 ==", b"x" * 3000]
NAMES = [
    *("id", "_id", "__id", "pk_", "ttl", "_ttl", "replicator", "_replicator", "__replicator"),
    *("_rid", "rid", "_self", "_etag", "_ts", "_attachments", "_lsn", "v", "t", "k", "0", "1", "$", " "),
    *("a.b", "a/b", "é", "e\u0301", "N", "S", "B", "M", "constructor", "__proto__", "x" * 255),
]


def odd_items(seed, count):
    """So many items without keys: name to typed value."""
    chance = random.Random(seed)
    items = [{name: {"N": number} for name, number in zip(NAMES, NUMBERS, strict=False)}]
    items += [
        {"deep": _nested(30, {"M": {"id": {"N": NUMBERS[9]}}}), "wide": {"L": [{"N": n} for n in NUMBERS]}}
    ]
    items += [
        {"empty": {"M": {}}, "none": {"L": []}, "null": {"NULL": True}, "s": {"S": ""}, "b": {"B": b""}}
    ]
    return items + [_item(chance) for _ in range(count - len(items))]


def canonical(attributes):
    """What the attributes mean: numbers by value, sets without order, the rest exactly."""
    return {name: _meaning(value) for name, value in attributes.items()}


def _meaning(value):
    ((kind, body),) = value.items()
    if kind == "N":
        return kind, Decimal(body)
    if kind == "NS":
        return kind, frozenset(map(Decimal, body))
    if kind in {"SS", "BS"}:
        return kind, frozenset(body)
    if kind == "L":
        return kind, [_meaning(each) for each in body]
    if kind == "M":
        return kind, canonical(body)
    return kind, body


def _item(chance):
    return {name: _value(chance, 4) for name in chance.sample(NAMES, chance.randint(0, 8))}


def _value(chance, depth):
    kinds = ["S", "N", "N", "B", "BOOL", "NULL", "SS", "NS", "BS"] + ["L", "M"] * (depth > 0)
    kind = chance.choice(kinds)
    return {kind: _BODIES[kind](chance, depth)}


def _number(chance, _depth=0):
    if chance.random() < 0.5:
        return chance.choice(NUMBERS)
    digits = chance.randint(1, 10 ** chance.randint(1, 38) - 1)
    low = -130 if len(str(digits)) == 1 else -100
    return f"{chance.choice(['', '-'])}{digits}E{chance.randint(low, 126 - len(str(digits)))}"


def _distinct(draw, key=None):
    def body(chance, _depth):
        drawn = [draw(chance) for _ in range(chance.randint(1, 6))]
        return list({key(each) if key else each: each for each in drawn}.values())

    return body


def _list(chance, depth):
    return [_value(chance, depth - 1) for _ in range(chance.randint(0, 5))]


def _map(chance, depth):
    return {name: _value(chance, depth - 1) for name in chance.sample(NAMES, chance.randint(0, 5))}


def _nested(levels, value):
    for level in range(levels):
        value = {"L": [value]} if level % 2 else {"M": {"_id": value}}
    return value


_BODIES = {
    "S": lambda chance, _: chance.choice(TEXTS),
    "N": _number,
    "B": lambda chance, _: chance.choice(BINARIES),
    "BOOL": lambda chance, _: chance.random() < 0.5,
    "NULL": lambda _chance, _depth: True,
    "SS": _distinct(lambda chance: chance.choice(TEXTS)),
    "NS": _distinct(_number, Decimal),
    "BS": _distinct(lambda chance: chance.choice(BINARIES)),
    "L": _list,
    "M": _map,
}
