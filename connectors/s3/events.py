"""The messages of a bucket's event queue, taken apart. Pure.

A message comes from S3 itself, in an envelope of SNS, or from EventBridge, and only S3 itself encodes
keys, as a form does: a space is a plus sign. Every event of the bucket makes its key dirty, whatever it
says happened, so that no family has to be known here.

Sources: S3 user guide, "Event message structure" and "EventBridge event message structure"; SNS developer
guide, "Amazon SNS message formats".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

import orjson

ENVELOPES_MAX = 3


class Event(NamedTuple):
    """Something happened to a key at a time, in seconds since the epoch; ``etag`` where it says one."""

    key: str
    at: float
    etag: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What a message holds: events of the bucket; and, unless ``ours``, something else as well."""

    events: tuple[Event, ...] = ()
    ours: bool = True


_STRANGE = Letter(ours=False)


def read_letter(body: str, bucket: str, sent_at: float) -> Letter:
    """The events of this bucket in a message; one that is not only about it is somebody else's.

    A test event, which S3 sends when a notification is set up, is ours and holds nothing.
    """
    for _ in range(ENVELOPES_MAX):
        try:
            document = orjson.loads(body)
        except ValueError:
            return _STRANGE
        if not isinstance(document, dict):
            return _STRANGE
        if document.get("Type") != "Notification" or not isinstance(document.get("Message"), str):
            return _letter(document, bucket, sent_at)
        body = document["Message"]
    return _STRANGE


def _letter(document: Mapping[str, Any], bucket: str, sent_at: float) -> Letter:
    try:
        if document.get("Event") == "s3:TestEvent":
            return Letter(ours=document.get("Bucket") == bucket)
        if document.get("source") == "aws.s3":
            return _gather([_from_event_bridge(document, bucket, sent_at)])
        records = document["Records"]
        return _gather([_from_s3(record, bucket, sent_at) for record in records]) if records else _STRANGE
    except (KeyError, TypeError, ValueError, AttributeError):
        return _STRANGE


def _gather(events: Iterable[Event | None]) -> Letter:
    found = tuple(events)
    return Letter(tuple(event for event in found if event is not None), None not in found)


def _from_s3(record: Mapping[str, Any], bucket: str, sent_at: float) -> Event | None:
    if record["eventSource"] != "aws:s3" or record["s3"]["bucket"]["name"] != bucket:
        return None
    thing = record["s3"]["object"]
    at = _seconds(record.get("eventTime"), sent_at)
    return Event(unquote_plus(thing["key"], errors="strict"), at, thing.get("eTag") or "")


def _from_event_bridge(document: Mapping[str, Any], bucket: str, sent_at: float) -> Event | None:
    detail = document["detail"]
    if detail["bucket"]["name"] != bucket:
        return None
    thing = detail["object"]
    if not isinstance(thing["key"], str):
        return None
    return Event(thing["key"], _seconds(document.get("time"), sent_at), thing.get("etag") or "")


def _seconds(time: str | None, otherwise: float) -> float:
    return datetime.fromisoformat(time).timestamp() if time else otherwise
