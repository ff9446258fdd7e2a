"""The one exception of this stand-in: an answer of the service that refuses a call."""

from collections.abc import Mapping


class RefusedError(Exception):
    """A call that the service refuses.

    Args:
        status: HTTP status.
        code: the service's word for it, e.g. ``NotFound``.
        message: a sentence for whoever called.
        substatus: value of ``x-ms-substatus``; 0 sends none.
        headers: further response headers.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        substatus: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.substatus = substatus
        self.headers = dict(headers or {})


def bad_request(message: str, substatus: int = 0) -> RefusedError:
    """Return a 400; substatus 1001 is a partition key that differs from the item's."""
    return RefusedError(400, "BadRequest", message, substatus)


def not_found(what: str, substatus: int = 0) -> RefusedError:
    """Return a 404; substatus 1003 says that the owner (database, container) is missing."""
    return RefusedError(404, "NotFound", f"Entity with the specified id does not exist: {what}", substatus)


def conflict(what: str) -> RefusedError:
    """Return a 409: the id is taken."""
    return RefusedError(409, "Conflict", f"Entity with the specified id already exists: {what}")


def precondition_failed() -> RefusedError:
    """Return a 412: If-Match or If-None-Match did not hold."""
    message = "One of the specified pre-conditions is not met"
    return RefusedError(412, "PreconditionFailed", message)


def too_large(message: str) -> RefusedError:
    """Return a 413: an item, batch or request beyond 2 MB."""
    return RefusedError(413, "RequestEntityTooLarge", message)


def throttled(wait_seconds: float) -> RefusedError:
    """Return a 429 with substatus 3200: the container's request units are used up."""
    headers = {"x-ms-retry-after-ms": str(max(1, round(wait_seconds * 1000)))}
    return RefusedError(429, "TooManyRequests", "The request rate is large", 3200, headers)
