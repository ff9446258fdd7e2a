"""A call as it came in, and the reply that goes out."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from zlib import crc32

import orjson

from localcloud.aws.errors import AwsError

__all__ = ["Call", "Reply", "refusal", "reply_json", "reply_of"]

_JSON = "application/x-amz-json-1.0"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an AWS JSON protocol, whole in memory (at most 16 MB, DynamoDB's own limit).

    `service` is ``dynamodb``, ``dynamodbstreams``, ``sqs`` or another name in lower case.
    """

    service: str
    operation: str
    method: str
    path: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP response as its bytes; its body begins at `body_at`."""

    raw: bytes
    body_at: int

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self.raw[9:12])

    def json(self) -> dict[str, Any]:
        """Parse the body.

        Raises:
            AwsError: the reply is itself an error; it carries the same code.
        """
        document: dict[str, Any] = orjson.loads(self.raw[self.body_at :] or b"{}")
        if self.status >= 400:
            code = str(document.get("__type", "InternalServerError")).rpartition("#")[2]
            raise AwsError(code, str(document.get("message", "")), self.status)
        return document


def reply_of(body: bytes, status: int, content_type: str = _JSON) -> Reply:
    """Make a reply of our own; DynamoDB sends a CRC-32 of the body, which the SDKs check."""
    reason = HTTPStatus(status).phrase
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\n"
    head += f"x-amz-crc32: {crc32(body)}\r\nContent-Length: {len(body)}\r\n\r\n"
    return Reply(head.encode() + body, len(head))


def reply_json(body: bytes) -> Reply:
    """Make a reply that says that all is well."""
    return reply_of(body, HTTPStatus.OK)


def refusal(error: AwsError) -> Reply:
    """Make the reply that carries an error."""
    return reply_of(orjson.dumps(error.document), error.status)
