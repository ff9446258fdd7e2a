"""Neutral form <-> the form of bucket and store. Pure."""

from __future__ import annotations

import json

from replicator.model.key import Key
from replicator.model.record import Object


def name_of(key: Key) -> str:
    """The name of an object, which is the only part of its key."""
    return str(key[0])


def listed(record: Object) -> Object:
    """What a listing shows of an object."""
    return Object(record.size, record.version)


def event_text(name: str, at: float) -> str:
    """The body of an event: which object may have changed, and when."""
    return json.dumps({"object": name, "at": at})


def event_in(body: str) -> tuple[str, float] | None:
    """Name and time that an event tells; None where this is no event of a bucket."""
    try:
        event = json.loads(body)
        return str(event["object"]), float(event["at"])
    except (ValueError, KeyError, TypeError):
        return None
