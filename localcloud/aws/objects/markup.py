"""The flat XML of S3, read and written: elements without attributes, prefixes or mixed content."""

import re
from functools import lru_cache
from html import escape

__all__ = ["element", "inner", "text", "without"]


_ENTITY = re.compile(r"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


@lru_cache(maxsize=64)
def _pattern(tag: str) -> re.Pattern[str]:
    return re.compile(rf"<{tag}(?:\s[^>]*)?(?:/>|>(.*?)</{tag}>)", re.DOTALL)


def inner(document: str, tag: str) -> list[str]:
    """Return what is inside each element of a name, at any depth; an empty one gives an empty string."""
    return [found[1] or "" for found in _pattern(tag).finditer(document)]


def text(document: str, tag: str) -> str | None:
    """Return the text of the first element of a name, or None where there is none."""
    found = inner(document, tag)
    return _ENTITY.sub(_character, found[0]) if found else None


def without(document: str, tag: str) -> str:
    """Return the document without the elements of a name."""
    return _pattern(tag).sub("", document)


def element(tag: str, value: str) -> str:
    """Return an element with a text."""
    return f"<{tag}>{escape(value, quote=False)}</{tag}>"


def _character(entity: re.Match[str]) -> str:
    # Not as HTML has it, which takes some numbers for other characters.
    hexadecimal, decimal, name = entity.groups()
    if name:
        return _NAMED[name]
    return chr(int(hexadecimal, 16) if hexadecimal else int(decimal))
