"""Which operation a call is. The names are those of fault rules and of the request counts."""

from localcloud.cosmos.exchange import Call

_ITEM_VERBS = {"GET": "read", "PUT": "replace", "DELETE": "delete", "PATCH": "patch"}
_RESOURCE_VERBS = {"GET": "read", "PUT": "replace", "DELETE": "delete", "POST": "create"}


def operation_of(call: Call) -> str:
    """Return the name of a call's operation.

    Of items: ``create``, ``upsert``, ``batch``, ``query``, ``query_plan``, ``read``, ``replace``,
    ``delete``, ``patch``, ``read_feed``, ``change_feed``. Of the rest: the kind and the verb, such
    as ``account_read``, ``colls_create``, ``pkranges_list`` or ``offers_query``.
    """
    kind = call.address.kind
    if kind == "docs":
        return _item_operation(call)
    if call.has("x-ms-documentdb-isquery"):
        return f"{kind}_query"
    if call.verb == "GET" and call.address.is_feed:
        return f"{kind}_list"
    return f"{kind}_{_RESOURCE_VERBS.get(call.verb, call.verb.lower())}"


def _item_operation(call: Call) -> str:
    if not call.address.is_feed:
        return _ITEM_VERBS.get(call.verb, call.verb.lower())
    if call.verb == "GET":
        return "change_feed" if "a-im" in call.headers else "read_feed"
    if call.has("x-ms-cosmos-is-query-plan-request"):
        return "query_plan"
    if call.has("x-ms-documentdb-isquery"):
        return "query"
    if call.has("x-ms-cosmos-is-batch-request"):
        return "batch"
    return "upsert" if call.has("x-ms-documentdb-is-upsert") else "create"
