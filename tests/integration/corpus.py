"""Some hundred objects that a naive copy changes or loses, and what S3 tells of them.

Keys, metadata and tags are those that Azure drops, aliases, refuses or folds; descriptions are cycled over
the keys, so that each odd thing meets many others. All is made from one seed and is the same each time.
"""

import hashlib
import random
from email.header import Header
from urllib.parse import urlencode

from replicator.testing.bodies import ODD_NAMES

SEED = 20_260_807
# Names that look like the stored form's own escapes, and pairs that a service may take for one another.
LOOKALIKES = (
    *("a.", "a~2E", "a~7E2E", "a~7e2E", "~", "~~", "~H", "~Habc", "~H" + "0" * 64, "~7EH", "a~5Cb", "a~zz"),
    *("a%2e", "a%2E", "a%252E", "a%5Cb", "a%00", "a%1f", "a%7F", "%25", "a.%2F", "a/%2e%2e/b"),
    *("folder/", "folder/.", "folder/..", "folder/./", "folder//", "folder", "Folder/", "FOLDER/"),
    *(
        "a\\",
        "\\a",
        "\\",
        "a/\\/b",
        ".\\..",
        "x.tar.gz",
        ".hidden",
        ".hidden.",
        "a. ",
        "a ./b",
        "con",
        "nul.",
    ),
    *("\ue000", "\ufffe", "\ufdd0", "\U0001fffe", "\u200b", "\u202e", "\u0000a", "a\x1fb", "\x7f"),
    *("Å", "A\u030a", "\u212b", "ﬁ", "fi", "İ", "i\u0307", "ı", "ǆ", "\u1e9e", "ΐ", "\u0390"),
    *("$web", "$root", "$logs/x", "robots.txt", "index.html", "a?x=1&y=2", "a#frag", "http://x/y", "//x//"),
    *("/" * 300, "d/" * 254 + "x", "." * 1024, "\U0001f600" * 256, "~2E" * 341, "\x01" * 400, "é." * 340),
)
PIECES = (
    *(
        "a",
        "A",
        "b",
        ".",
        "..",
        "/",
        "//",
        "\\",
        "~",
        "~2E",
        "~7E",
        "~H",
        "%",
        "%2E",
        "%2f",
        "%5C",
        " ",
        "+",
    ),
    *("é", "e\u0301", "\x01", "\x7f", "\ue000", "\U0001f600", "?", "#", "&", "=", ":", "\t", "\n"),
)


def _made(count):
    """Keys put together of pieces that escape, alias, or look like an escape."""
    dice = random.Random(SEED)
    return ["".join(dice.choices(PIECES, k=dice.randint(2, 7))) for _ in range(count)]


KEYS = tuple(dict.fromkeys((*ODD_NAMES, *LOOKALIKES, *_made(160))))

HEADERS = (
    {},
    {"ContentType": "text/plain; charset=utf-8"},
    {"ContentType": "application/octet-stream", "ContentEncoding": "gzip"},
    {"ContentType": "image/png", "CacheControl": "max-age=60,  must-revalidate"},
    {"ContentDisposition": "attachment; filename=\"a b.txt\"; filename*=UTF-8''na%C3%AFve.txt"},
    {"ContentLanguage": "de, en", "Expires": "Wed, 21 Oct 2026 07:28:00 GMT"},
    {"Expires": "0", "ContentEncoding": "br, gzip"},
    {"ContentType": "binary/octet-stream"},
    {"ContentType": "x-odd/" + "y" * 100, "CacheControl": "no-store"},
)
METADATA = (
    {},
    {"plain": "value"},
    {"with-hyphen": "a, b", "with_hyphen": "c", "1st": "x=y; z"},
    {"class": "100%", "replicator": "not ours", "hdi_isfolder": "true"},
    {"text": "é 日本 \U0001f600", "long": "ü" * 200},
    {"empty": "", "spaces": "a   b", "quotes": "\"a\" 'b' <c>&"},
    {"words": "=?UTF-8?Q?=C3=A9?= and more", "equals": "=?", "percent": "%2e%2e"},
    {f"name-{number}": str(number) for number in range(40)},
    {"dots.in.it": "1", "tilde~": "2", "bar|": "3", "x" * 200: "long name"},
)
TAGS = (
    {},
    {"plain": "value"},
    {"with space": "+-=._:/@", "empty": ""},
    {"é": "日本", "mail": "a@b.c", "Case": "1", "case": "2"},
    {f"tag-{number}": "v" * 200 for number in range(10)},
    {f"t@g-{number}": "é" * 100 for number in range(10)},
    {" lead": "trail ", "a  b": "c  d", "%": "&=#?"},
)
CLASSES = ("", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "INTELLIGENT_TIERING", "REDUCED_REDUNDANCY")
SIZES = (0, 1, 2, 63, 1024, 4097, 65_536)


def objects(variant):
    """Every key with what it is put with; another variant changes all but the keys."""
    dice = random.Random(SEED + variant)
    for number, key in enumerate(KEYS):
        at = number + variant
        metadata = METADATA[at % len(METADATA)]
        options = {
            **HEADERS[at % len(HEADERS)],
            "Metadata": {name: ascii_text(value) for name, value in metadata.items()},
            "Tagging": urlencode(TAGS[at % len(TAGS)]),
            "StorageClass": CLASSES[at % len(CLASSES)] or "STANDARD",
        }
        yield key, dice.randbytes(SIZES[at % len(SIZES)]), options


def ascii_text(value):
    """The value, or where it has other characters, its form of RFC 2047, which S3 takes and gives."""
    return value if value.isascii() else Header(value, "utf-8", maxlinelen=9000).encode()


def everything(s3, bucket, *, but=""):
    """What S3 tells of every object of a bucket, by key; those below a prefix are left out."""
    told = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for listed in page.get("Contents", ()):
            if not but or not listed["Key"].startswith(but):
                told[listed["Key"]] = one(s3, bucket, listed["Key"])
    return told


def one(s3, bucket, key):
    """What S3 tells of one object."""
    answer = s3.get_object(Bucket=bucket, Key=key)
    tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    names = ("ContentType", "ContentEncoding", "ContentLanguage", "ContentDisposition", "CacheControl")
    return {
        **{name: answer.get(name) for name in names},
        "Expires": answer.get("ExpiresString"),
        "Metadata": answer["Metadata"],
        "Tags": {each["Key"]: each["Value"] for each in tags},
        "StorageClass": answer.get("StorageClass", "STANDARD"),
        "Size": answer["ContentLength"],
        "SHA-256": hashlib.sha256(answer["Body"].read()).hexdigest(),
    }


def put_options(record):
    """What boto3 is given to put an object back."""
    names = {name: "".join(part.title() for part in name.split("-")) for name in record.headers}
    return {
        **{names[name]: value for name, value in record.headers.items()},
        "Metadata": {name: ascii_text(value) for name, value in record.metadata.items()},
        "Tagging": urlencode(record.tags),
        "StorageClass": record.storage_class or "STANDARD",
    }
