"""S3 keys and blob names: an injective escape for what Azure would refuse or take for another name.

An ordinary key is its own name. The stored form is version 1, frozen by a golden file:

- A dot at the end of a segment becomes ``~2E``, which covers the segments ``.`` and ``..``: the service
  drops such dots, and HTTP clients resolve such segments (Azure/azure-sdk-for-java#36674,
  Azure/azure-sdk-for-rust#5275).
- A backslash becomes ``~5C``: the service makes a slash of it (versity/versitygw#845).
- Control characters, U+E000 and what is no character become ``~`` and their UTF-8 bytes in hexadecimal: the
  service refuses them, or its listing, which is XML, cannot show them
  (learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata).
- A per cent sign before the hexadecimal of a dot, a slash, a backslash or a control character becomes
  ``~25``, so that nothing on the way that unquotes a path twice finds another name in it.
- A tilde that would read as one of ours becomes ``~7E``.
- A name of more than 1,024 characters or 254 segments gives way to ``~H`` and the SHA-256 of the key.

Slashes are kept wherever they are: the service keeps leading, trailing and repeated ones, and it is the
.NET SDK that trims them unless told not to (Azure/azure-sdk-for-net#30507, Azure/azure-storage-python#194).
Nothing is normalised, and letters keep their case.
"""

from __future__ import annotations

import hashlib
import re

from replicator.model.errors import ChangeError

NAME_CHARACTERS_MAX = 1024
"""Of a blob name, as UTF-16 counts them (the page on naming above)."""

NAME_SEGMENTS_MAX = 254
"""Path segments of a blob name (the same page)."""

_UNSAFE = re.compile(
    r"\.(?=/|\Z)"
    r"|\\"
    r"|[\x00-\x1f\x7f-\x9f\ue000\ufdd0-\ufdef]"
    + "".join(f"|[{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}]" for plane in range(0, 0x110000, 0x10000))
    + r"|%(?=2[EeFf]|5[Cc]|[01][0-9A-Fa-f]|7[Ff])"
    r"|~(?=[0-9A-F]{2}|H)"
)
_DIGEST = "~H"
_ESCAPED = re.compile(rb"~([0-9A-F]{2})")


def blob_name(key: str) -> str:
    """The name of the blob that holds this key.

    Raises:
        ChangeError: the key is no text that can be written as UTF-8, or it is empty.
    """
    if not key:
        raise ChangeError("an empty key has no blob name")
    try:
        name = _UNSAFE.sub(_escape, key)
        return name if _fits(name) else f"{_DIGEST}{hashlib.sha256(key.encode()).hexdigest()}"
    except UnicodeEncodeError as error:
        raise ChangeError(f"the key {key!r} cannot be written as UTF-8") from error


def is_digest(name: str) -> bool:
    """Whether a name stands for a key whose own would be too long."""
    return name.startswith(_DIGEST)


def key_of_name(name: str) -> str | None:
    """The key whose name this is; None where no key has it, or only its metadata says which."""
    try:
        key = _ESCAPED.sub(_unescape, name.encode()).decode()
        return key if blob_name(key) == name else None
    except (UnicodeError, ChangeError):
        return None


def _fits(name: str) -> bool:
    encoded = name.encode("utf-16-le")  # also proves that it has no lone surrogate
    return len(encoded) <= 2 * NAME_CHARACTERS_MAX and name.count("/") < NAME_SEGMENTS_MAX


def _escape(unsafe: re.Match[str]) -> str:
    return "".join(f"~{byte:02X}" for byte in unsafe.group().encode())


def _unescape(escape: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escape[1].decode())
