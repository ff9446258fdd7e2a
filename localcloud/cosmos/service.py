"""From a call to its reply: authentication, the operation, the budget, the common headers."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.cosmos import feed, items, resources
from localcloud.cosmos.account import Account
from localcloud.cosmos.budget import Budget
from localcloud.cosmos.container import Container
from localcloud.cosmos.errors import RefusedError, bad_request, not_found
from localcloud.cosmos.exchange import REFUSAL_CHARGE, Call, Reply, refusal_reply
from localcloud.cosmos.operation import operation_of
from localcloud.cosmos.query import plan, select

_ON_ITEMS: dict[str, Callable[[Container, Call], Reply]] = {
    "create": items.write_item,
    "upsert": items.write_item,
    "batch": items.run_batch,
    "read": items.access_item,
    "replace": items.access_item,
    "delete": items.access_item,
    "patch": items.access_item,
    "read_feed": feed.read_feed,
    "change_feed": feed.change_feed,
    "query": select.run_query,
    "query_plan": plan.plan_query,
}


class Service:
    """The account behind its protocol; no HTTP server, no clock of its own.

    Args:
        account: what it holds.
        endpoint: returns the address that clients reach it by.
    """

    def __init__(self, account: Account, endpoint: Callable[[], str]) -> None:
        self._account = account
        self._endpoint = endpoint
        self.counts: Counter[str] = Counter()

    def serve(self, call: Call) -> Reply:
        """Carry out one authenticated call; a refusal is a reply like others."""
        started = time.perf_counter()
        operation = operation_of(call)
        serve = self._serve_items if call.address.kind == "docs" else self._serve
        try:
            reply = serve(operation, call)
        except RefusedError as refusal:
            reply = refusal_reply(refusal)
        self.counts[f"{operation} {reply.status}"] += 1
        return with_common_headers(reply, call.headers, time.perf_counter() - started)

    def _serve_items(self, operation: str, call: Call) -> Reply:
        names = call.address.names
        container = self._account.container(names[0], names[1])
        _check_rid(container, call)
        handler = _ON_ITEMS.get(operation)
        if handler is None:
            raise not_found(call.address.link)
        if container.budget is None:
            return handler(container, call)
        return _budgeted(container.budget, handler, container, call)

    def _serve(self, operation: str, call: Call) -> Reply:
        handler = resources.HANDLERS.get(operation)
        if handler is None:
            raise RefusedError(405, "MethodNotAllowed", f"This stand-in has no {operation}")
        return handler(self._account, call, self._endpoint())


def _budgeted(
    budget: Budget, handler: Callable[[Container, Call], Reply], container: Container, call: Call
) -> Reply:
    """Serve a call if the budget lets it in; a refusal costs as well."""
    budget.admit()
    charge = REFUSAL_CHARGE
    try:
        reply = handler(container, call)
        charge = reply.charge
    finally:
        budget.charge(charge)
    return reply


def with_common_headers(reply: Reply, asked: Mapping[str, str], seconds: float) -> Reply:
    """Add the headers that every reply has; the activity id is the caller's own."""
    reply.headers |= {
        "content-type": "application/json",
        "x-ms-request-charge": f"{reply.charge:.2f}",
        "x-ms-activity-id": asked.get("x-ms-activity-id", ""),
        "x-ms-version": "2020-07-15",
        "x-ms-request-duration-ms": f"{seconds * 1000:.3f}",
    }
    return reply


def _check_rid(container: Container, call: Call) -> None:
    """Refuse a call meant for an earlier container of the same name."""
    intended: Any = call.headers.get("x-ms-cosmos-intended-collection-rid")
    if intended is not None and intended != container.properties["_rid"]:
        raise bad_request("The container was created again since it was last looked up", 1024)
