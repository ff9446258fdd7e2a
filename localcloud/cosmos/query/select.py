"""Runs a query over a scope, page by page."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cmp_to_key
from heapq import merge
from itertools import islice
from typing import Any

import orjson

from localcloud.cosmos.budget import query_charge
from localcloud.cosmos.container import Container
from localcloud.cosmos.document import Document
from localcloud.cosmos.errors import RefusedError, bad_request
from localcloud.cosmos.exchange import Call, Reply
from localcloud.cosmos.items import range_headers
from localcloud.cosmos.query.expression import UNDEFINED, kind_of, less
from localcloud.cosmos.query.scope import Scope, scope_of
from localcloud.cosmos.query.sql import Query, parse_request
from localcloud.cosmos.ranges import PhysicalRange

PAGE_BYTES_MAX = 4 * 1024 * 1024
# So that one page never holds the server up for long; a page may come back empty, as at Azure.
SCANNED_MAX = 5000


@dataclass(slots=True)
class Cursor:
    """How far a query has come: the range's bounds, the last document's number, results passed.

    The bounds stay valid when the range splits: of the two, what follows the number is still to come.
    """

    lower: bytes = b""
    upper: bytes = b""
    number: int = 0
    passed: int = 0

    @property
    def text(self) -> str:
        """The continuation token."""
        return f"{self.lower.hex()}:{self.upper.hex()}:{self.number}:{self.passed}"

    def enter(self, ranges: list[PhysicalRange]) -> int:
        """Go on to these ranges, which are taken as one; return the number after which they begin."""
        lower, upper = ranges[0].lower, ranges[-1].upper
        if lower >= self.upper:
            self.number = 0
        self.lower, self.upper = lower, upper
        return self.number


@dataclass(slots=True)
class Page:
    """Results under way."""

    cursor: Cursor
    bodies: list[bytes] = field(default_factory=list)
    size: int = 0
    scanned: int = 0
    is_last: bool = False

    def add(self, body: bytes | None) -> None:
        """Take one more result; None is none."""
        if body is None:
            return
        self.bodies.append(body)
        self.size += len(body)


def run_query(container: Container, call: Call) -> Reply:
    """Answer one page of a query: ``POST …/docs``."""
    query, scope = parse_request(call.body), scope_of(container, call)
    if scope.is_whole and not call.has("x-ms-documentdb-query-enablecrosspartition"):
        raise bad_request("Cross partition query is required but disabled")
    if len(scope.ranges) > 1 and query.needs_plan:
        message = "The provided cross partition query can not be directly served by the gateway"
        raise RefusedError(400, "BadRequest", message, 1004)
    return query_page(query, scope, call)


def query_page(query: Query, scope: Scope, call: Call) -> Reply:
    """Return the next page of a query over a scope."""
    page = Page(_cursor_of(call))
    if query.count is not None:
        _count(query, scope, page)
    elif query.order:
        _fill_ordered(query, scope, page, call.item_count_max)
    else:
        _fill(query, scope, page, call.item_count_max)
    return _reply(scope, call, page)


def evaluate(query: Query, items: list[Any]) -> list[object]:
    """Return the results of a query over a few resources that are not items."""
    if query.needs_plan:
        raise bad_request("This stand-in filters and projects resources, no more")
    where = query.where
    chosen = [item for item in items if where is None or where.holds(item)]
    values = [item if query.select is None else query.select(item) for item in chosen]
    return [value for value in values if value is not UNDEFINED]


def _matches(query: Query, scope: Scope, page: Page) -> Iterator[tuple[Document | None, Any]]:
    """Yield what the condition chooses, moving the page's cursor along.

    A None among them says that the page has scanned enough, for a caller that can pause there.
    """
    ids = query.where.ids if query.where else None
    needs_item = query.where is not None or query.select is not None or bool(query.order)
    cursor = page.cursor
    for ranges in _steps(scope.ranges, cursor):
        number = cursor.enter(ranges)
        found = [scope.created_after(physical, number, ids) for physical in ranges]
        for document in merge(*found, key=_number) if len(found) > 1 else found[0]:
            cursor.number = document.number
            page.scanned += 1
            item = orjson.loads(document.body) if needs_item else None
            if query.where is None or query.where.holds(item):
                yield document, item
            elif page.scanned % SCANNED_MAX == 0:
                yield None, None


def _steps(ranges: list[PhysicalRange], cursor: Cursor) -> Iterator[list[PhysicalRange]]:
    """Yield first the ranges that the cursor's has become, all at once, then each that comes after it."""
    begun = [physical for physical in ranges if cursor.lower <= physical.lower < cursor.upper]
    if begun:
        yield begun
    yield from ([physical] for physical in ranges if physical.lower >= cursor.upper)


def _number(document: Document) -> int:
    return document.number


def _fill(query: Query, scope: Scope, page: Page, count: int) -> None:
    end = _end(query)
    for document, item in _matches(query, scope, page):
        if document is None:
            return
        if end is not None and page.cursor.passed >= end:
            break
        page.cursor.passed += 1
        if page.cursor.passed > query.offset:
            page.add(_result(query, document, item))
        if end is not None and page.cursor.passed >= end:
            break
        if len(page.bodies) >= count or page.size >= PAGE_BYTES_MAX:
            return
    page.is_last = True


def _fill_ordered(query: Query, scope: Scope, page: Page, count: int) -> None:
    """Sort everything, and go on after the results already passed.

    Unlike the service's, this continuation counts: results that come or go between two pages shift
    the ones behind them.
    """
    passed, page.cursor.passed = page.cursor.passed, 0
    found = [(document, item) for document, item in _matches(query, scope, page) if document]
    for operand, descends in reversed(query.order):
        found.sort(key=lambda pair: _RANK(operand.value(pair[1])), reverse=descends)
    start, end = max(passed, query.offset), _end(query)
    chosen = found[start:end]
    for document, item in islice(chosen, count):
        page.add(_result(query, document, item))
    page.cursor = Cursor(passed=start + len(page.bodies))
    page.is_last = len(chosen) <= count


def _count(query: Query, scope: Scope, page: Page) -> None:
    number = scope.size if query.where is None else None
    if number is None:
        number = sum(document is not None for document, _ in _matches(query, scope, page))
    page.add(b'[{"item":%d}]' % number if query.count == "items" else b"%d" % number)
    page.is_last = True


def _end(query: Query) -> int | None:
    """Return after how many matches the query is over."""
    ends = [query.top, None if query.limit is None else query.offset + query.limit]
    return min((end for end in ends if end is not None), default=None)


def _result(query: Query, document: Document, item: Any) -> bytes | None:
    """Return one encoded result; None where the selected value is undefined."""
    if query.select is None:
        return document.body
    value = query.select(item)
    return None if value is UNDEFINED else orjson.dumps(value)


def _compare(left: Any, right: Any) -> int:
    left_kind, right_kind = kind_of(left), kind_of(right)
    if left_kind != right_kind:
        return left_kind - right_kind
    return less(right, left) - less(left, right)


_RANK = cmp_to_key(_compare)


def _cursor_of(call: Call) -> Cursor:
    text = call.headers.get("x-ms-continuation")
    if not text:
        return Cursor()
    try:
        lower, upper, number, passed = text.split(":")
        return Cursor(bytes.fromhex(lower), bytes.fromhex(upper), int(number), int(passed))
    except ValueError:
        raise bad_request("The continuation token is not of this service") from None


def _reply(scope: Scope, call: Call, page: Page) -> Reply:
    rid = scope.container.properties["_rid"].encode()
    count = len(page.bodies)
    body = b'{"_rid":"%b","Documents":[%b],"_count":%d}' % (rid, b",".join(page.bodies), count)
    headers = {"x-ms-item-count": str(count)}
    if not page.is_last:
        headers["x-ms-continuation"] = page.cursor.text
    if len(scope.ranges) == 1:
        headers |= range_headers(call, scope.ranges[0])
    return Reply(200, body, headers, query_charge(page.scanned, page.size))
