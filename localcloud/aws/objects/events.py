"""Events of objects in the two forms in which S3 tells of them, built purely.

The record of a notification is as "Event message structure" of the S3 user guide has it: keys are
form-encoded, a sequencer comes only for created and removed objects, size and eTag not for removed ones.
The EventBridge form is as "EventBridge event message structure" has it: keys as they are.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus
from uuid import uuid4

__all__ = ["Event", "envelope", "notification", "test_event"]

# Detail type and reason by the name of the event; what the name's family has where the name is not here.
_DETAILS = {
    "ObjectCreated:Put": ("Object Created", "PutObject"),
    "ObjectCreated:Copy": ("Object Created", "CopyObject"),
    "ObjectCreated:CompleteMultipartUpload": ("Object Created", "CompleteMultipartUpload"),
    "ObjectRemoved:Delete": ("Object Deleted", "DeleteObject"),
    "ObjectRemoved:DeleteMarkerCreated": ("Object Deleted", "DeleteObject"),
    "LifecycleExpiration:Delete": ("Object Deleted", "Lifecycle Expiration"),
    "LifecycleExpiration:DeleteMarkerCreated": ("Object Deleted", "Lifecycle Expiration"),
    "ObjectTagging:Put": ("Object Tags Added", None),
    "ObjectTagging:Delete": ("Object Tags Deleted", None),
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an object.

    Attributes:
        name: as notifications have it, without ``s3:``.
        bucket: in which the object is.
        key: of the object, as it is.
        at: seconds since the epoch.
        sequencer: orders the writes of a key.
        account: twelve digits.
        region: of the bucket.
        size: in bytes, where the object was created.
        etag: without quotes; None for one that was removed.
        version: the version's id where the bucket is versioned.
    """

    name: str
    bucket: str
    key: str
    at: float
    sequencer: int
    account: str
    region: str
    size: int | None = None
    etag: str | None = None
    version: str | None = None

    @property
    def time(self) -> str:
        """When it happened, as S3 writes it: to the millisecond."""
        return _time(self.at)


def notification(event: Event, configuration_id: str) -> dict[str, Any]:
    """Return the message of a notification."""
    described = {
        "key": quote_plus(event.key.encode("utf-8", "surrogateescape"), safe="/"),
        "size": event.size,
        "eTag": event.etag,
        "versionId": event.version,
        "sequencer": f"{event.sequencer:018X}" if _is_write(event.name) else None,
    }
    record = {
        "eventVersion": "2.1" if event.name.startswith(("ObjectCreated", "ObjectRemoved")) else "2.3",
        "eventSource": "aws:s3",
        "awsRegion": event.region,
        "eventTime": event.time,
        "eventName": event.name,
        "userIdentity": {"principalId": _principal(event)},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": uuid4().hex[:16].upper(), "x-amz-id-2": uuid4().hex},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration_id,
            "bucket": {
                "name": event.bucket,
                "ownerIdentity": {"principalId": event.account},
                "arn": f"arn:aws:s3:::{event.bucket}",
            },
            "object": _without_none(described),
        },
    }
    return {"Records": [record]}


def envelope(event: Event) -> dict[str, Any]:
    """Return the event as EventBridge hands it to a rule's target."""
    kind, reason = _DETAILS[event.name]
    described = {
        "key": event.key,
        "size": event.size,
        "etag": event.etag,
        "version-id": event.version,
        "sequencer": f"{event.sequencer:018X}" if _is_write(event.name) else None,
    }
    deletion = "Delete Marker Created" if event.name.endswith("Created") else "Permanently Deleted"
    detail = {
        "version": "0",
        "bucket": {"name": event.bucket},
        "object": _without_none(described),
        "request-id": uuid4().hex[:16].upper(),
        "requester": _principal(event),
        "source-ip-address": None if reason == "Lifecycle Expiration" else "127.0.0.1",
        "reason": reason,
        "deletion-type": deletion if kind == "Object Deleted" else None,
    }
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": kind,
        "source": "aws.s3",
        "account": event.account,
        "time": event.time[:19] + "Z",
        "region": event.region,
        "resources": [f"arn:aws:s3:::{event.bucket}"],
        "detail": _without_none(detail),
    }


def test_event(bucket: str, at: float) -> dict[str, Any]:
    """Return the message that S3 sends when a configuration is put; it has no records."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": _time(at),
        "Bucket": bucket,
        "RequestId": uuid4().hex[:16].upper(),
        "HostId": uuid4().hex,
    }


def _is_write(name: str) -> bool:
    return not name.startswith("ObjectTagging")


def _principal(event: Event) -> str:
    return "s3.amazonaws.com" if event.name.startswith("LifecycleExpiration") else event.account


def _without_none(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
