"""Invoices of a shop, of many names, sizes and descriptions: what a bucket that grew for years looks like.

Most are some kilobytes, some are empty, a few are large. Among the names is everything that a naive copy
loses: slashes in a row and at the ends, dots as segments, characters that URLs, XML or Azure treat in a way
of their own, and letters that exist in two forms.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from replicator.demo.invoices.canonical import canonical, digest_of

MEBIBYTE = 1024 * 1024
LARGE_BYTES = (2 * MEBIBYTE, 3 * MEBIBYTE + 7, 5 * MEBIBYTE - 1)
PARTS_BYTES = 12 * MEBIBYTE + 345
"""The one that is uploaded in parts, as SDKs do with everything large."""

_ODD_KEYS = [
    "with space/{n} copy.pdf",
    "plus+sign/{n}+x=1&y.json",
    "a//b///{n}",
    "/leading/{n}.csv",
    "marker-{n}/",
    "Zoë/Köln {n}/請求書.json",
    "noe\u0308l/{n}",
    "noël/{n}",
    "🧾/{n}.pdf",
    "dots/.../{n}./v1.",
    "percent%2F%20{n}%",
    "tilde~2E{n}/~H~",
    "back\\slash\\{n}",
    "what?{n}#now;x=@:!$'()*,[]{{}}|^`\"<>",
    " spaces around {n} ",
    "CASE/{n}/Invoice",
    "case/{n}/invoice",
    "long/" + "x" * 900 + "/{n}",
]
_STATES = ["draft", "sent", "paid", "overdue", "written off"]
_DESCRIBED = ["Müller & Söhne", "株式会社", "plain", "two  spaces", "100 %", "=?not encoded", "façade 🧾"]
_SMALL_BYTES, _USUAL_BYTES, _MORE_BYTES = (1, 99), (3_000, 5_000), (20_000, 90_000)


@dataclass(frozen=True)
class Invoice:
    """An object as it is written.

    Attributes:
        key: its key.
        body: its bytes.
        headers: of its content, by lower-case name.
        metadata: the user's, as it is meant; S3 wants it encoded where it is not ASCII.
        tags: its tags.
    """

    key: str
    body: bytes
    headers: dict[str, str]
    metadata: dict[str, str]
    tags: dict[str, str]

    @property
    def text(self) -> str:
        """What has to be there."""
        return canonical(*digest_of([self.body]), self.headers, self.metadata, self.tags)


class Invoices:
    """Makes invoices, always the same ones from the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a demonstration wants to be repeatable
        self._made = 0

    def make(self) -> Invoice:
        """The next invoice, under a key of its own."""
        self._made += 1
        return self._filled(self._key(self._made))

    def again(self, key: str) -> Invoice:
        """Another state of an invoice that was made."""
        return self._filled(key)

    def large(self, size: int) -> Invoice:
        """A scan of so many bytes."""
        self._made += 1
        headers = {"content-type": "application/pdf"}
        body = self._random.randbytes(size)
        return Invoice(f"scans/2026/{self._made:06}.pdf", body, headers, self._metadata(), self.tags())

    def tags(self) -> dict[str, str]:
        """What the bookkeeping notes on an invoice, and changes later."""
        tags = {"state": self._random.choice(_STATES), "checked by": f"clerk-{self._random.randint(1, 9)}"}
        if self._random.random() < 0.2:
            tags["Prüfer"] = "Jürgen"
        return tags

    def _key(self, number: int) -> str:
        if self._random.random() < 0.12:
            return self._random.choice(_ODD_KEYS).format(n=number)
        kind = self._random.choice(["pdf", "json", "csv"])
        return f"2026/{number % 12 + 1:02}/customer-{self._random.randint(1, 300):04}/{number:06}.{kind}"

    def _filled(self, key: str) -> Invoice:
        if key.endswith("/"):
            return Invoice(key, b"", {"content-type": "application/x-directory"}, {}, {})
        body, headers = self._random.choices(_KINDS, _WEIGHTS)[0](self._random, self._size())
        tags = self.tags() if self._random.random() < 0.4 else {}
        return Invoice(key, body, headers, self._metadata(), tags)

    def _size(self) -> int:
        dice = self._random.random()
        if dice < 0.03:
            return 0
        bounds = _SMALL_BYTES if dice < 0.1 else _USUAL_BYTES if dice < 0.97 else _MORE_BYTES
        return self._random.randint(*bounds)

    def _metadata(self) -> dict[str, str]:
        metadata = {"invoice-number": f"{self._random.getrandbits(40):012}", "origin": "billing"}
        if self._random.random() < 0.3:
            metadata["customer-name"] = self._random.choice(_DESCRIBED)
        return metadata


def _pdf(chance: random.Random, size: int) -> tuple[bytes, dict[str, str]]:
    headers = {
        "content-type": "application/pdf",
        "content-disposition": 'attachment; filename="invoice.pdf"',
        "cache-control": "private, max-age=60",
    }
    return (b"%PDF-1.7\n" + chance.randbytes(size))[:size], headers


def _json(chance: random.Random, size: int) -> tuple[bytes, dict[str, str]]:
    text = json.dumps({"total": f"{chance.randint(1, 99_999)}.50", "note": "ä" * (size // 2)}, indent=1)
    headers = {"content-type": "application/json; charset=utf-8", "content-language": "de, en"}
    return text.encode()[:size], headers


def _csv(chance: random.Random, size: int) -> tuple[bytes, dict[str, str]]:
    lines = (f"{chance.randint(1, 9_999)};{chance.random():.6f}\r\n" for _ in range(size // 14))
    return "".join(lines).encode(), {"content-type": "text/csv"}


def _zipped(chance: random.Random, size: int) -> tuple[bytes, dict[str, str]]:
    """Encoded once and for all: who copies it has to leave it as it is."""
    body, headers = _csv(chance, size)
    return gzip.compress(body, mtime=0), headers | {"content-encoding": "gzip"}


_KINDS: list[Callable[[random.Random, int], tuple[bytes, dict[str, str]]]] = [_pdf, _json, _csv, _zipped]
_WEIGHTS = [50, 25, 15, 10]
