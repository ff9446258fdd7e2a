"""Feeds of a container's items: all of them, or what changed since a continuation."""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from itertools import chain

from localcloud.cosmos.budget import query_charge
from localcloud.cosmos.container import Container
from localcloud.cosmos.document import Document
from localcloud.cosmos.errors import RefusedError, bad_request
from localcloud.cosmos.exchange import Call, Reply
from localcloud.cosmos.items import range_headers
from localcloud.cosmos.query.scope import Scope, scope_of
from localcloud.cosmos.query.select import PAGE_BYTES_MAX, query_page
from localcloud.cosmos.query.sql import Query


def read_feed(container: Container, call: Call) -> Reply:
    """Answer one page of all items: ``GET …/docs``."""
    return query_page(Query("", "c"), scope_of(container, call), call)


def change_feed(container: Container, call: Call) -> Reply:
    """Answer one page of the latest-version change feed of one range or logical partition.

    ``If-None-Match`` is the continuation, an ETag made of the LSN; ``*`` starts from now; without
    one the feed starts at the beginning. ``If-Modified-Since`` leaves out older writes. Deletes do
    not show, and of several writes of an item only the last does. A page never cuts through a
    batch, so it can be a little longer than asked for. Nothing new is a 304.
    """
    if call.headers.get("a-im", "").lower() != "incremental feed":
        message = "This stand-in has the latest-version change feed only"
        raise RefusedError(400, "BadRequest", message)
    scope = scope_of(container, call)
    if len(scope.ranges) != 1:
        raise bad_request("A change feed is read of one partition key range or partition key")
    physical = scope.ranges[0]
    lsn, documents = _page(scope, call, _start(call, physical.lsn))
    headers = range_headers(call, physical) | {"etag": f'"{lsn}"', "x-ms-continuation": f'"{lsn}"'}
    if not documents:
        return Reply(304, headers=headers, charge=1.0)
    bodies = b",".join(document.with_lsn() for document in documents)
    rid = container.properties["_rid"].encode()
    body = b'{"_rid":"%b","Documents":[%b],"_count":%d}' % (rid, bodies, len(documents))
    headers["x-ms-item-count"] = str(len(documents))
    return Reply(200, body, headers, query_charge(len(documents), len(body)))


def _start(call: Call, now: int) -> int:
    text = call.headers.get("if-none-match")
    if text is None:
        return 0
    if text == "*":
        return now
    try:
        return int(text.strip('"'))
    except ValueError:
        raise bad_request("If-None-Match is not a continuation of this change feed") from None


def _page(scope: Scope, call: Call, start: int) -> tuple[int, list[Document]]:
    """Return where the feed goes on, and the next documents."""
    since, size, found = _since(call), 0, list[Document]()
    live = scope.container.live(scope.ranges[0].written_after(start))
    for document in _with_end(live):
        is_full = len(found) >= call.item_count_max or size >= PAGE_BYTES_MAX
        if is_full and (document is None or document.lsn != found[-1].lsn):
            return found[-1].lsn, found
        if document is not None and document.ts >= since and scope.holds(document):
            found.append(document)
            size += len(document.body)
    return max(start, scope.ranges[0].lsn), found


def _with_end(documents: Iterator[Document]) -> Iterator[Document | None]:
    return chain(documents, (None,))


def _since(call: Call) -> float:
    text = call.headers.get("if-modified-since")
    if text is None:
        return 0.0
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        raise bad_request("If-Modified-Since is not a date") from None
