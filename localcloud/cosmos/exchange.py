"""A call and its reply, free of any HTTP server."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from localcloud.cosmos.address import Address
from localcloud.cosmos.errors import RefusedError, bad_request

# Request units; a call that is refused, by a 412 too, is still paid for.
REFUSAL_CHARGE = 1.0
_ITEMS_DEFAULT = 100
_ITEMS_MAX = 1000


@dataclass(slots=True)
class Call:
    """One request.

    Attributes:
        verb: HTTP method, upper case.
        address: what it names.
        headers: case-insensitive.
        body: bytes as they came.
    """

    verb: str
    address: Address
    headers: Mapping[str, str]
    body: bytes

    def has(self, header: str) -> bool:
        """Whether a header says true; the SDK writes ``True`` and ``true``."""
        return self.headers.get(header, "").lower() == "true"

    @property
    def item_count_max(self) -> int:
        """The page size: ``x-ms-max-item-count``, where -1 leaves it to the service."""
        text = self.headers.get("x-ms-max-item-count")
        if text is None:
            return _ITEMS_DEFAULT
        try:
            count = int(text)
        except ValueError:
            raise bad_request("x-ms-max-item-count is not a number") from None
        return _ITEMS_MAX if count <= 0 else count


@dataclass(slots=True)
class Reply:
    """One response.

    Attributes:
        status: HTTP status.
        body: JSON, or nothing.
        headers: beside those that every reply has.
        charge: request units.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    charge: float = 0.0


def json_reply(status: int, value: object) -> Reply:
    """Return a reply with a JSON body and, where the value has one, its ETag."""
    headers = {}
    if isinstance(value, dict) and "_etag" in value:
        headers["etag"] = value["_etag"]
    return Reply(status, orjson.dumps(value), headers, 1.0)


def feed_reply(owner_rid: str, name: str, values: list[object]) -> Reply:
    """Return a whole feed of resources on one page."""
    body = {"_rid": owner_rid, name: values, "_count": len(values)}
    return Reply(200, orjson.dumps(body), {"x-ms-item-count": str(len(values))}, 1.0)


def refusal_reply(refusal: RefusedError) -> Reply:
    """Return the reply that tells of a refusal."""
    headers = dict(refusal.headers)
    if refusal.substatus:
        headers["x-ms-substatus"] = str(refusal.substatus)
    body = orjson.dumps({"code": refusal.code, "message": refusal.message})
    return Reply(refusal.status, body, headers, REFUSAL_CHARGE)
