"""Calls on one item, and transactional batches: HTTP's words for a ``Transaction``."""

from typing import Any
from urllib.parse import quote

import orjson

from localcloud.cosmos.container import Container, PartitionKeyValue
from localcloud.cosmos.document import Document
from localcloud.cosmos.errors import RefusedError, bad_request, too_large
from localcloud.cosmos.exchange import Call, Reply
from localcloud.cosmos.payload import ITEM_BYTES_MAX, as_doubles, parse
from localcloud.cosmos.ranges import PhysicalRange
from localcloud.cosmos.transaction import Condition, Outcome, Transaction

BATCH_OPERATIONS_MAX = 100
_KEY_HEADER = "x-ms-documentdb-partitionkey"


def partition_key(call: Call) -> PartitionKeyValue:
    """Return the partition key value that a call names; ``{}`` stands for none.

    Raises:
        RefusedError: 400 when it names none.
    """
    text = call.headers.get(_KEY_HEADER)
    try:
        values = orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, list) or not values:
        raise bad_request("PartitionKey value must be supplied for this operation")
    return tuple(as_doubles(values))


def begin(container: Container, call: Call) -> Transaction:
    """Return a transaction on the logical partition that a call names."""
    key = partition_key(call)
    if len(key) != len(container.key_paths):
        message = "Partition key provided either doesn't correspond to definition in the collection"
        raise bad_request(message, 1001)
    return Transaction(container, container.epk_of(key), key)


def write_item(container: Container, call: Call) -> Reply:
    """Create or upsert an item: ``POST …/docs``."""
    transaction = begin(container, call)
    item = parse(call.body)
    if call.has("x-ms-documentdb-is-upsert"):
        outcome = transaction.upsert(item, condition_of(call))
    else:
        outcome = transaction.create(item)
    transaction.commit()
    return _reply(call, transaction.range, outcome)


def access_item(container: Container, call: Call) -> Reply:
    """Read, replace, patch or delete an item: ``…/docs/{id}``."""
    transaction = begin(container, call)
    identifier, condition = call.address.names[2], condition_of(call)
    if call.verb == "GET":
        outcome = transaction.read(identifier, condition)
    elif call.verb == "PUT":
        outcome = transaction.replace(identifier, parse(call.body), condition)
    elif call.verb == "DELETE":
        outcome = transaction.delete(identifier, condition)
    elif call.verb == "PATCH":
        outcome = transaction.patch(identifier, parse(call.body), condition)
    else:
        raise RefusedError(405, "MethodNotAllowed", f"This stand-in has no {call.verb} of items")
    transaction.commit()
    return _reply(call, transaction.range, outcome)


def condition_of(call: Call) -> Condition:
    """Return the ETag conditions of a call."""
    return Condition(call.headers.get("if-match"), call.headers.get("if-none-match"))


def run_batch(container: Container, call: Call) -> Reply:
    """Carry out a transactional batch: all of its operations, or none with one to blame."""
    transaction = begin(container, call)
    operations = _checked_batch(call)
    outcomes = []
    for index, operation in enumerate(operations):
        try:
            outcomes.append(_operate(transaction, operation))
        except RefusedError as refusal:
            return _batch_refusal(call, transaction.range, len(operations), index, refusal)
    transaction.commit()
    minimal = _wants_minimal(call)
    results = [_result(outcome, minimal) for outcome in outcomes]
    reply = Reply(200, b"[" + b",".join(results) + b"]")
    reply.charge = round(sum(outcome.charge for outcome in outcomes), 2)
    reply.headers = range_headers(call, transaction.range)
    return reply


def range_headers(call: Call, physical: PhysicalRange) -> dict[str, str]:
    """Return what the SDK wants to know of the range that served a call."""
    return {
        "x-ms-session-token": physical.session_token,
        "x-ms-documentdb-partitionkeyrangeid": physical.identifier,
        "x-ms-alt-content-path": quote(f"dbs/{'/colls/'.join(call.address.names[:2])}"),
        "lsn": str(physical.lsn),
    }


def _wants_minimal(call: Call) -> bool:
    return call.headers.get("prefer", "").lower() == "return=minimal"


def _reply(call: Call, physical: PhysicalRange, outcome: Outcome) -> Reply:
    document, body = outcome.document, b""
    headers = range_headers(call, physical)
    if document is not None:
        headers["etag"] = document.etag
        is_bare = outcome.status == 304 or (call.verb != "GET" and _wants_minimal(call))
        body = b"" if is_bare else document.body
    return Reply(outcome.status, body, headers, outcome.charge)


def _checked_batch(call: Call) -> list[dict[str, Any]]:
    if len(call.body) > ITEM_BYTES_MAX:
        raise too_large("The size of the batch is beyond 2 MB")
    operations = parse(call.body)
    if not isinstance(operations, list) or not operations:
        raise bad_request("A batch is a list of at least one operation")
    if len(operations) > BATCH_OPERATIONS_MAX:
        raise bad_request(f"Batch request has more than {BATCH_OPERATIONS_MAX} operations")
    if not all(isinstance(operation, dict) for operation in operations):
        raise bad_request("An operation of a batch is an object")
    return operations


def _operate(transaction: Transaction, operation: dict[str, Any]) -> Outcome:
    kind, item = operation.get("operationType"), operation.get("resourceBody")
    identifier = str(operation.get("id"))
    condition = Condition(operation.get("ifMatch"), operation.get("ifNoneMatch"))
    if kind == "Upsert":
        return transaction.upsert(item, condition)
    if kind == "Create":
        return transaction.create(item)
    if kind == "Replace":
        return transaction.replace(identifier, item, condition)
    if kind == "Delete":
        return transaction.delete(identifier, condition)
    if kind == "Patch":
        return transaction.patch(identifier, item, condition)
    if kind == "Read":
        return transaction.read(identifier, condition)
    raise bad_request(f"This stand-in has no batch operation {kind}")


def _result(outcome: Outcome, minimal: bool) -> bytes:  # noqa: FBT001 - private, one caller
    document = outcome.document
    head = b'{"statusCode":%d,"requestCharge":%.2f' % (outcome.status, outcome.charge)
    if document is None:
        return head + b"}"
    head += b',"eTag":%b' % _quoted_etag(document)
    if minimal or outcome.status == 304:
        return head + b"}"
    return head + b',"resourceBody":%b}' % document.body


def _quoted_etag(document: Document) -> bytes:
    return b'"\\"%b\\""' % document.etag[1:-1].encode()


def _batch_refusal(
    call: Call, physical: PhysicalRange, count: int, index: int, refusal: RefusedError
) -> Reply:
    """Return the answer to a batch that failed: its status at one place, 424 at the others."""
    results: list[dict[str, Any]] = [{"statusCode": 424, "requestCharge": 0} for _ in range(count)]
    results[index] = {
        "statusCode": refusal.status,
        "subStatusCode": refusal.substatus,
        "requestCharge": 1.0,
        "message": refusal.message,
    }
    return Reply(207, orjson.dumps(results), range_headers(call, physical), float(count))
