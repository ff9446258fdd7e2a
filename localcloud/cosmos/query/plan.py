"""Query plans: how a client merges the answers of several ranges.

The service refuses a query that it cannot merge itself with 400 and substatus 1004; the SDK then
asks for the plan, sends the rewritten query to each range, and merges by the plan.
"""

from typing import Any

import orjson

from localcloud.cosmos.container import Container
from localcloud.cosmos.exchange import Call, Reply
from localcloud.cosmos.query.sql import Query, parse_request

_EVERYTHING = {"min": "", "max": "FF", "isMinInclusive": True, "isMaxInclusive": False}


def plan_query(_container: Container, call: Call) -> Reply:
    """Answer a query plan request with how to run the query over all ranges."""
    query = parse_request(call.body)
    plan = {
        "partitionedQueryExecutionInfoVersion": 2,
        "queryInfo": _query_info(query),
        "queryRanges": [_EVERYTHING],
    }
    return Reply(200, orjson.dumps(plan), charge=1.0)


def _query_info(query: Query) -> dict[str, Any]:
    return {
        "distinctType": "None",
        "top": query.top,
        "offset": None if query.limit is None else query.offset,
        "limit": query.limit,
        "orderBy": ["Descending" if descends else "Ascending" for _, descends in query.order],
        "orderByExpressions": [operand.text for operand, _ in query.order],
        "groupByExpressions": [],
        "groupByAliases": [],
        "aggregates": [] if query.count is None else ["Count"],
        "groupByAliasToAggregateType": {},
        "rewrittenQuery": _rewritten(query),
        "hasSelectValue": query.is_value,
        "dCountInfo": None,
        "hasNonStreamingOrderBy": False,
    }


def _rewritten(query: Query) -> str:
    """Return what each range is asked: at most as many results as could be wanted of it."""
    if query.count is not None:
        return f'SELECT VALUE [{{"item": COUNT(1)}}] {query.source}'
    top = "" if query.top is None else f"TOP {query.top} "
    bound = "" if query.limit is None else f" OFFSET 0 LIMIT {query.offset + query.limit}"
    if not query.order:
        value = "*" if query.select is None else f"VALUE {query.select_text}"
        return f"SELECT {top}{value} {query.source}{bound}"
    keys = ", ".join(f'{{"item": {operand.text}}}' for operand, _ in query.order)
    order = ", ".join(f"{one.text} {'DESC' if descends else 'ASC'}" for one, descends in query.order)
    alias = query.alias
    fields = f"{alias}._rid, [{keys}] AS orderByItems, {query.select_text} AS payload"
    return f"SELECT {top}{fields} {query.source} ORDER BY {order}{bound}"
