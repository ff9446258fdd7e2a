"""Writes by PartiQL, of which ministack's streams tell nothing: refused where a table has a stream.

The service streams them as it does any other write. Passed on, such a write would be in the table and never
in its stream, and whoever follows that would be wrong without a way to know it.
"""

import re
from collections.abc import Iterator
from typing import Any

import orjson

from localcloud.aws.errors import AwsError, validation
from localcloud.aws.feeds import Feeds
from localcloud.aws.messages import Call

__all__ = ["PARTIQL", "refuse_unseen"]

PARTIQL = frozenset({"ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"})
"""The operations that take statements."""

_WRITTEN = re.compile(
    r"""\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+["']?([A-Za-z0-9_.-]+)""", re.IGNORECASE
)


async def refuse_unseen(call: Call, feeds: Feeds) -> None:
    """Return where ministack may have the call.

    Raises:
        AwsError: it would write into a table with a stream.
        UpstreamLostError: ministack is away.
    """
    for table in dict.fromkeys(_tables(orjson.loads(call.body))):
        try:
            feed = await feeds.of_table(table, *call.scope)
        except AwsError:  # there is no such table, which ministack says itself
            continue
        if feed is not None:
            raise validation(
                f"the stream of {table} would not tell of a write by PartiQL here, as it does at AWS: use "
                "PutItem, UpdateItem, DeleteItem or TransactWriteItems"
            )


def _tables(request: dict[str, Any]) -> Iterator[str]:
    """The tables that the statements of a request write into."""
    told = [request, *request.get("Statements", []), *request.get("TransactStatements", [])]
    for each in told:
        if found := _WRITTEN.match(str(each.get("Statement", ""))):
            yield found[1]
