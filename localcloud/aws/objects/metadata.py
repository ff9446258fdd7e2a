"""Metadata as S3 gives it back: RFC 2047 for what is not ASCII, and only a count of what cannot be printed.

From "Working with object metadata" in the S3 user guide: values are decoded as RFC 2047 before they are
stored and encoded so before they are returned; those that are not printable are withheld, and
``x-amz-missing-meta`` says how many were.
"""

from base64 import b64encode
from email.errors import HeaderParseError
from email.header import decode_header, make_header

from multidict import CIMultiDict

__all__ = ["give_back"]

_PREFIX = "x-amz-meta-"


def give_back(headers: CIMultiDict[str]) -> None:
    """Change the metadata among the headers of a reply into what S3 would give back."""
    missing = 0
    for name in [name for name in headers if name.lower().startswith(_PREFIX)]:
        value = headers[name]
        if value.isascii() and value.isprintable() and not value.startswith("=?"):
            continue
        stored = _decoded(value)
        if stored is None or not stored.isprintable():
            del headers[name]
            missing += 1
        else:
            headers[name] = stored if stored.isascii() else _encoded(stored)
    if missing:
        headers["x-amz-missing-meta"] = str(missing)


def _decoded(value: str) -> str | None:
    try:
        value = value.encode("utf-8", "surrogateescape").decode()
        return str(make_header(decode_header(value))) if value.startswith("=?") else value
    except (UnicodeError, HeaderParseError, LookupError):
        return None


def _encoded(value: str) -> str:
    return f"=?UTF-8?B?{b64encode(value.encode()).decode()}?="
