"""Some hundred messages that a naive bridge changes, merges or loses, as boto3 is given them."""

import random

SEED = 20_260_807
BODIES = (
    *("a", " ", "\n", "\t\r\n", "0", "null", "{}", '{"a": 1.10, "b": "\\u00e9"}', "<a b='c'>&amp;</a>"),
    *("é e\u0301 日本 \U0001f600 \U0010ffff", "\ue000\ufffd", "\u200b\u202e\ufeff", "=?UTF-8?B?w6k=?="),
    *("AAECAwQ=", "~", "%00", "x" * 1000, "ü" * 100_000, "y" * 200_000),
)
ATTRIBUTES = (
    {},
    {"text": ("String", "é 日本 \U0001f600"), "blank": ("String", " "), "tab": ("String", "\t\n")},
    {
        "n": ("Number", "12345678901234567890123456789012345678"),
        "m": ("Number", "-0.10"),
        "e": ("Number", "1e10"),
    },
    {
        "zeros": ("Number", "007"),
        "big": ("Number", "2147483648"),
        "custom": ("Number.int", "9007199254740993"),
    },
    {
        "nothing": ("Binary", b"\x00"),
        "all": ("Binary", bytes(range(256))),
        "png": ("Binary.png", b"\x89PNG\xff"),
    },
    {
        "Replicator": ("String", "not ours"),
        "Replicator.SentAt": ("Number", "1"),
        "json": ("String.json", "{}"),
    },
    {"DeadLetterReason": ("String", "mine"), "DeadLetterErrorDescription": ("Binary", b"\xff")},
    {"Case": ("String", "1"), "case": ("String", "2"), "a.b-c_d": ("String", "3"), "1": ("String", "4")},
    {f"attribute-{number}": ("String", "v" * 2000) for number in range(10)},
    {"message_id": ("String", "x"), "session_id": ("String", "y"), "x-opt-partition-key": ("String", "z")},
    {"n" * 256: ("String.s" + "t" * 200, "a long name"), "b": ("Binary.custom.type", b"\x00\xff" * 5000)},
)
GROUPS = ("a", "A", "0", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "g" * 128, "replicator-trial")


def messages(*, fifo=False):
    """What SendMessage is given, in order; of a FIFO queue with groups and deduplication ids."""
    dice = random.Random(SEED)
    for number in range(len(BODIES) * len(ATTRIBUTES) // (2 if fifo else 1)):
        body = BODIES[number % len(BODIES)]
        attributes = ATTRIBUTES[number % len(ATTRIBUTES)]
        message = {
            "MessageBody": body,
            "MessageAttributes": {name: sdk_form(*each) for name, each in attributes.items()},
        }
        if fifo:
            message["MessageGroupId"] = dice.choice(GROUPS)
            message["MessageDeduplicationId"] = f"order~{number}" if number % 2 else f"{number}" * 30
        yield message


def sdk_form(kind, value):
    """An attribute as SQS takes and gives it."""
    return {"DataType": kind, "BinaryValue" if isinstance(value, bytes) else "StringValue": value}


def sent_again(message):
    """What SendMessage is given to send a neutral message, with its own deduplication id, if it has one."""
    fifo = {"MessageGroupId": message.group, "MessageDeduplicationId": message.deduplication_id}
    return {
        "MessageBody": message.body,
        "MessageAttributes": {name: sdk_form(*each) for name, each in message.attributes.items()},
        **(fifo if message.group is not None else {}),
    }
