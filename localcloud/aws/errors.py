"""Errors as the AWS JSON protocols answer them."""

from http import HTTPStatus

__all__ = ["AwsError", "resource_not_found", "validation"]

_DYNAMODB = "com.amazonaws.dynamodb.v20120810#"
_SQS = "com.amazonaws.sqs#"
_COMMON = "com.amazon.coral.validate#"


class AwsError(Exception):
    """An answer that is an error.

    Args:
        code: the exception's name, for example ``ExpiredIteratorException``.
        message: what the SDK shows.
        status: the HTTP status; nearly all errors of DynamoDB are 400.
    """

    def __init__(self, code: str, message: str, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = int(status)

    def document_of(self, service: str) -> dict[str, str]:
        """Return the body: `__type` carries the code in the namespace of the service that sends it."""
        namespace = _SQS if service == "sqs" else _DYNAMODB
        if self.code == "ValidationException":
            namespace = _COMMON
        return {"__type": namespace + self.code, "message": self.message}


def validation(message: str) -> AwsError:
    """Return the error for a request that is malformed."""
    return AwsError("ValidationException", message)


def resource_not_found(message: str) -> AwsError:
    """Return the error for a stream, shard or table that is not there."""
    return AwsError("ResourceNotFoundException", message)
