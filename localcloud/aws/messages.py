"""A call as it came in, and the reply that goes out."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Self
from zlib import crc32

import orjson

from localcloud.aws.errors import AwsError
from localcloud.aws.objects.markup import element
from localcloud.aws.objects.request import ObjectRequest

__all__ = ["CONTENT_LENGTH", "Call", "Reply", "refusal", "reply_json", "reply_of"]

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
"""The header in a head: how long the body is."""

_TARGET = re.compile(rb"\r\nx-amz-target: *(\w+)\.(\w+)", re.IGNORECASE)
_SERVICES = {
    b"DynamoDB_20120810": "dynamodb",
    b"DynamoDBStreams_20120810": "dynamodbstreams",
    b"AmazonSQS": "sqs",
}
_CREDENTIAL = re.compile(rb"Credential=([^/]*)/\d+/([a-z0-9-]+)/")
_JSON = "application/x-amz-json-1.0"


@dataclass(frozen=True, slots=True)
class Call:
    """One call: a whole HTTP request as its bytes; its body begins at `body_at`.

    `service` is ``dynamodb``, ``dynamodbstreams``, ``sqs``, ``s3`` or another name in lower case;
    `operation` is as the API names it, for S3 the HTTP method, and `about` says more. A call whose body is
    streamed past us has only its head here.
    """

    service: str
    operation: str
    raw: bytes = b""
    body_at: int = 0
    about: ObjectRequest | None = None

    @classmethod
    def parse(cls, raw: bytes, body_at: int) -> Self | None:
        """Return the call that a request of a JSON protocol is, or None where it is none."""
        target = _TARGET.search(raw, 0, body_at)
        if target is None:
            return None
        service = _SERVICES.get(target[1]) or target[1].decode().lower()
        return cls(service, target[2].decode(), raw, body_at)

    @classmethod
    def of_objects(cls, raw: bytes, body_at: int) -> Self:
        """Return the call that a request of S3 is."""
        method, path, _ = raw[: raw.index(b"\r\n")].decode("latin-1").split(" ", 2)
        copies = b"\r\nx-amz-copy-source:" in raw[:body_at].lower()
        return cls("s3", method, raw, body_at, ObjectRequest.parse(method, path, copies=copies))

    def header(self, name: str) -> str | None:
        """Return the value of a header (its name in lower case), or None where it is absent."""
        found = _header(name).search(self.raw, 0, self.body_at)
        return found[1].decode("latin-1") if found else None

    @property
    def body(self) -> bytes:
        """The body."""
        return self.raw[self.body_at :]

    @property
    def scope(self) -> tuple[str, str]:
        """Account and region, as ministack reads them: twelve digits of an access key are an account."""
        credential = _CREDENTIAL.search(self.raw, 0, self.body_at)
        key, region = (part.decode() for part in credential.groups()) if credential else ("", "us-east-1")
        return (key if key.isdecimal() and len(key) == 12 else "000000000000"), region

    def with_body(self, body: bytes) -> "Call":
        """Return the same call with another body."""
        length = b"\r\nContent-Length: %d" % len(body)
        head = CONTENT_LENGTH.sub(length, self.raw[: self.body_at], 1)
        return replace(self, raw=head + body, body_at=len(head))


@lru_cache(maxsize=64)
def _header(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"\r\n" + re.escape(name.encode()) + rb": *([^\r]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP response as its bytes; its body begins at `body_at`."""

    raw: bytes
    body_at: int
    content_type: str = _JSON

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self.raw[9:12])

    @property
    def body(self) -> bytes:
        """The body."""
        return self.raw[self.body_at :]

    def header(self, name: str) -> str | None:
        """Return the value of a header (its name in lower case), or None where it is absent."""
        found = _header(name).search(self.raw, 0, self.body_at)
        return found[1].decode("latin-1") if found else None

    def json(self) -> dict[str, Any]:
        """Parse the body.

        Raises:
            AwsError: the reply is itself an error; it carries the same code.
        """
        document: dict[str, Any] = orjson.loads(self.body or b"{}")
        if self.status >= 400:
            code = str(document.get("__type", "InternalServerError")).rpartition("#")[2]
            raise AwsError(code, str(document.get("message", "")), self.status)
        return document


def reply_of(body: bytes, status: int, content_type: str = _JSON) -> Reply:
    """Make a reply of our own; DynamoDB sends a CRC-32 of the body, which the SDKs check."""
    reason = HTTPStatus(status).phrase
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\n"
    head += f"x-amz-crc32: {crc32(body)}\r\nContent-Length: {len(body)}\r\n\r\n"
    return Reply(head.encode() + body, len(head), content_type)


def reply_json(body: bytes) -> Reply:
    """Make a reply that says that all is well."""
    return reply_of(body, HTTPStatus.OK)


def refusal(error: AwsError, service: str = "dynamodb") -> Reply:
    """Make the reply that carries an error, as the service in question would."""
    if service != "s3":
        return reply_of(orjson.dumps(error.document_of(service)), error.status)
    xml = f"<Error>{element('Code', error.code)}{element('Message', error.message)}</Error>"
    return reply_of(xml.encode(), error.status, "application/xml")
