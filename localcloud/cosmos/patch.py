"""Partial updates of an item: ``PATCH …/docs/{id}``, or an operation of a batch.

From "Partial document update in Azure Cosmos DB": up to ten operations, carried out in order, all or none;
``add``, ``set``, ``replace``, ``remove``, ``incr`` and ``move``; a predicate that has to hold; and neither
the id, the partition key nor the service's own fields can be changed.
"""

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from localcloud.cosmos.errors import bad_request, precondition_failed
from localcloud.cosmos.payload import SYSTEM_FIELDS, as_doubles
from localcloud.cosmos.query.sql import parse_condition

OPERATIONS_MAX = 10


def patched(body: bytes, request: Any, key_paths: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Return an item as the operations make it.

    Args:
        body: the item as it is stored.
        request: ``{"operations": [...], "condition": "from c where …"}``; the condition may be missing.
        key_paths: of the container's partition key.

    Raises:
        RefusedError: 412 where the condition does not hold, 400 for an operation that cannot be done.
    """
    operations = request.get("operations") if isinstance(request, dict) else None
    if not isinstance(operations, list) or not 0 < len(operations) <= OPERATIONS_MAX:
        raise bad_request(f"A patch has one to {OPERATIONS_MAX} operations")
    item: dict[str, Any] = orjson.loads(body)
    condition = request.get("condition")
    if condition is not None and not parse_condition(condition).holds(item):
        raise precondition_failed()
    fixed = [["id"], *([name] for name in SYSTEM_FIELDS), *map(list, key_paths)]
    for operation in operations:
        _operate(item, operation, fixed)
    return as_doubles(item)  # type: ignore[no-any-return]  # a dict stays one


def _operate(item: dict[str, Any], operation: Any, fixed: Sequence[Sequence[str]]) -> None:
    if not isinstance(operation, dict) or operation.get("op") not in _VERBS:
        raise bad_request(f"Not a patch operation: {operation}")
    path = _path(operation.get("path"), fixed)
    if operation["op"] == "move":
        source = _path(operation.get("from"), fixed)
        if path[: len(source)] == source:
            raise bad_request("A property cannot be moved into itself")
        value = _remove(item, source, None)
        _set(item, path, value)
        return
    if operation["op"] != "remove" and "value" not in operation:
        raise bad_request("The operation has no value")
    _VERBS[operation["op"]](item, path, operation.get("value"))


def _path(text: Any, fixed: Sequence[Sequence[str]]) -> list[str]:
    if not isinstance(text, str) or not text.startswith("/") or text == "/":
        raise bad_request(f"Not a path: {text}")
    path = [name.replace("~1", "/").replace("~0", "~") for name in text[1:].split("/")]
    if any(path == list(other)[: len(path)] for other in fixed):
        raise bad_request(f"{text} cannot be patched")
    return path


def _parent(item: Any, path: Sequence[str]) -> Any:
    for name in path[:-1]:
        if isinstance(item, dict) and name in item:
            item = item[name]
        elif isinstance(item, list):
            item = item[_index(item, name, len(item))]
        else:
            raise _missing(path)
    if not isinstance(item, dict | list):
        raise _missing(path)
    return item


def _index(values: list[Any], name: str, end: int) -> int:
    if name == "-" and end > len(values):
        return len(values)
    if not name.isdecimal() or int(name) >= end:
        raise bad_request(f"The array has no index {name}")
    return int(name)


def _add(item: Any, path: Sequence[str], value: Any) -> None:
    parent = _parent(item, path)
    if isinstance(parent, list):
        parent.insert(_index(parent, path[-1], len(parent) + 1), value)
    else:
        parent[path[-1]] = value


def _set(item: Any, path: Sequence[str], value: Any) -> None:
    parent = _parent(item, path)
    if isinstance(parent, list):
        index = _index(parent, path[-1], len(parent) + 1)
        parent[index : index + 1] = [value]
    else:
        parent[path[-1]] = value


def _replace(item: Any, path: Sequence[str], value: Any) -> None:
    _require(item, path)
    _set(item, path, value)


def _remove(item: Any, path: Sequence[str], _value: Any) -> Any:
    _require(item, path)
    parent = _parent(item, path)
    return parent.pop(int(path[-1]) if isinstance(parent, list) else path[-1])


def _increment(item: Any, path: Sequence[str], value: Any) -> None:
    parent = _parent(item, path)
    if not _is_number(value):
        raise bad_request("An increment is a number")
    if isinstance(parent, dict) and path[-1] not in parent:
        parent[path[-1]] = value
        return
    _require(item, path)
    place = int(path[-1]) if isinstance(parent, list) else path[-1]
    if not _is_number(parent[place]):
        raise bad_request("Only numbers can be incremented")
    parent[place] += value


def _require(item: Any, path: Sequence[str]) -> None:
    parent = _parent(item, path)
    if isinstance(parent, list):
        _index(parent, path[-1], len(parent))
    elif path[-1] not in parent:
        raise _missing(path)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _missing(path: Sequence[str]) -> Exception:
    return bad_request(f"There is nothing at /{'/'.join(path)}")


_VERBS: dict[str, Callable[[Any, Sequence[str], Any], Any]] = {
    "add": _add,
    "set": _set,
    "replace": _replace,
    "remove": _remove,
    "incr": _increment,
    "move": _set,
}
