"""A call as it came in, and the reply that goes out."""

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import orjson

from localcloud.aws.errors import AwsError

__all__ = ["Call", "Reply", "refusal", "reply_json"]

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
    """A status, headers without those of the framing, and the whole body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Parse the body.

        Raises:
            AwsError: the reply is itself an error; it carries the same code.
        """
        document: dict[str, Any] = orjson.loads(self.body) if self.body else {}
        if self.status >= 400:
            code = str(document.get("__type", "InternalServerError")).rpartition("#")[2]
            raise AwsError(code, str(document.get("message", "")), self.status)
        return document


def reply_json(body: bytes, status: int = 200) -> Reply:
    """Wrap a JSON body; DynamoDB sends a CRC-32 of it, which the SDKs check."""
    headers = [("Content-Type", _JSON), ("x-amz-crc32", str(crc32(body)))]
    return Reply(status, headers, body)


def refusal(error: AwsError) -> Reply:
    """Return the reply that carries an error."""
    return reply_json(orjson.dumps(error.document), error.status)
