"""Reading a blob of the container by the documented form alone: `docs/stored-form-blob.md`.

Written a second time on purpose, without a line of the connector's: if that is wrong, this is not.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

ENTRY = "replicator"
_ESCAPE = re.compile(r"(?:~[0-9A-F]{2})+")


def key_of(name: str, metadata: Mapping[str, str]) -> str:
    """The key of a blob: what its entry says; the name has to agree with that, where it tells the key."""
    key = str(_entry(metadata)["key"])
    if not name.startswith("~H") and _unescaped(name) != key:
        raise ValueError(f"the blob {name!r} says that it is {key!r}")
    return key


def described(
    headers: Mapping[str, str], metadata: Mapping[str, str], tags: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Headers, metadata and tags of the object that a blob stands for, from its own and its entry."""
    entry = _entry(metadata)
    merged = {**headers, **entry.get("headers", {})}
    return (
        {name: value for name, value in merged.items() if value},
        {name: value for name, value in metadata.items() if name != ENTRY} | entry.get("metadata", {}),
        {**tags, **entry.get("tags", {})},
    )


def _entry(metadata: Mapping[str, str]) -> dict[str, Any]:
    text = metadata[ENTRY]
    return dict(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))


def _unescaped(name: str) -> str:
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[0].replace("~", "")).decode(), name)
