"""Looking at some of a bucket's objects before anything is copied: what of them no copy can hold.

A sample, and it says so: what it does not hold may still become a dead letter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from connectors.s3 import codec
from connectors.s3.answers import Listed
from connectors.s3.codec import ARCHIVES
from connectors.s3.config import SourceSettings
from connectors.s3.objects import Objects
from replicator.connector import Finding, Severity
from replicator.model.errors import ChangeError, ReplicatorError

PAGE_KEYS = 1000
KEYS_MAX = 10_000
LOOKED_INTO_MAX = 100
"""Objects whose headers are read, evenly spread over the keys that were listed."""

_AT_ONCE_MAX = 16


async def sample(objects: Objects, settings: SourceSettings) -> Sequence[Finding]:
    """What a list of the bucket, and the headers of some objects, give cause to say."""
    listed: list[Listed] = []
    more = True
    try:
        while more and len(listed) < KEYS_MAX:
            page = await objects.list(listed[-1].key if listed else "", PAGE_KEYS)
            listed += page.objects
            more = page.more and bool(page.objects)
    except ReplicatorError:
        return []  # said already, where the bucket cannot be listed
    ours = [each for each in listed if settings.replicates(each.key)]
    keys = chosen([each.key for each in ours if each.storage_class not in ARCHIVES])
    obstacles = await _look_into(objects, keys)
    return [*sampled(ours, whole=not more), *obstructed(obstacles, len(keys))]


def chosen(keys: Sequence[str]) -> Sequence[str]:
    """Some of these, evenly spread."""
    step = -(-len(keys) // LOOKED_INTO_MAX) or 1
    return keys[::step]


def sampled(listed: Sequence[Listed], *, whole: bool) -> Iterator[Finding]:
    """What these objects of a bucket give cause to say; ``whole`` where they are all of them."""
    archived = [each.key for each in listed if each.storage_class in ARCHIVES]
    if archived:
        extent = f"all {len(listed)} keys" if whole else f"the first {len(listed)} keys, a sample,"
        yield Finding(
            Severity.WARNING,
            f"{len(archived)} of {extent} are archived, such as {archived[0]!r}, and cannot be read",
            "restore them first (s3:RestoreObject); what is not restored becomes dead letters, to replay "
            "or to waive",
        )


def obstructed(obstacles: Sequence[ChangeError], looked_into: int) -> Iterator[Finding]:
    """What the headers of so many objects give cause to say."""
    if obstacles:
        first = obstacles[0]
        yield Finding(
            Severity.WARNING,
            f"in a sample of {looked_into} objects {len(obstacles)} cannot be copied as they are, the "
            f"first: {first.message}",
            "each becomes a dead letter and keeps the gate closed until it is replayed or waived; of the "
            f"first: {first.hint}",
        )


async def _look_into(objects: Objects, keys: Sequence[str]) -> Sequence[ChangeError]:
    at_once = asyncio.Semaphore(_AT_ONCE_MAX)

    async def look(key: str) -> ChangeError | None:
        async with at_once:
            headers = await objects.head(key)
        return None if headers is None else codec.obstacle(key, headers)

    answers = await asyncio.gather(*map(look, keys), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, ReplicatorError):
            raise answer
    return [each for each in answers if isinstance(each, ChangeError)]
