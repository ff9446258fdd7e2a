"""Cursors of a scan: what is left of a piece, also after its physical partition has been split. Pure.

A piece is a key range, which stays valid for good. A continuation of the service belongs to the range that
it was given for. When that has been split, azure-cosmos 4.17.1 begins the range again, and only its log
says so (``_should_bridge_legacy_continuation``). So we follow a split ourselves: each part of the range
goes on where the whole had come to, as the SDK's ``explode_on_multi_overlap`` does it within a call.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

_SPLIT = "split:"


class Left(NamedTuple):
    """A range that is not read to its end, and where it goes on; None for its beginning."""

    key_range: str
    continuation: str | None


def left_of(piece: str, cursor: str | None) -> list[Left]:
    """What is left of a piece at a cursor of ``cursor_of``; None stands for all of it."""
    if cursor is None or not cursor.startswith(_SPLIT):
        return [Left(piece, cursor)]
    return [Left(*each) for each in json.loads(cursor.removeprefix(_SPLIT))]


def cursor_of(piece: str, left: Sequence[Left]) -> str | None:
    """The cursor for what is left, the service's own until there is a split; None where nothing is left."""
    if not left:
        return None
    if len(left) == 1 and left[0].key_range == piece and left[0].continuation is not None:
        return left[0].continuation
    return _SPLIT + json.dumps(left, separators=(",", ":"))


def split(left: Sequence[Left], parts: Sequence[str]) -> list[Left]:
    """The first range has become these parts; each goes on where it had come to."""
    first, *others = left
    return [*(Left(part, first.continuation) for part in parts), *others]
