"""Conditions and values of a query, evaluated over one item.

There is no NOT and no ``!=``, so a condition is either true or not, and what the service calls
undefined (a missing property, values of different types) counts as not true.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

Value = Callable[[Any], Any]
Condition = Callable[[Any], bool]
UNDEFINED: Final = object()


@dataclass(frozen=True, slots=True)
class Where:
    """A condition, and the ids outside of which it cannot hold; None where it could anywhere."""

    holds: Condition
    ids: frozenset[str] | None = None


def constant(value: Any) -> Value:
    """Return the value of a literal or parameter."""
    return lambda _item: value


def at_path(path: tuple[str | int, ...]) -> Value:
    """Return the value found at a path below the item."""

    def value(item: Any) -> Any:
        for step in path:
            if isinstance(step, str) and isinstance(item, dict):
                item = item.get(step, UNDEFINED)
            elif isinstance(step, int) and isinstance(item, list) and step < len(item):
                item = item[step]
            else:
                return UNDEFINED
        return item

    return value


def kind_of(value: Any) -> int:
    """Return the rank of a value's type in the service's order; -1 for undefined."""
    if value is UNDEFINED:
        return -1
    if value is None:
        return 0
    if isinstance(value, bool):
        return 1
    ranks: tuple[type | tuple[type, ...], ...] = ((int, float), str, list, dict)
    return next(rank for rank, kind in enumerate(ranks, 2) if isinstance(value, kind))


def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same: of one type, and defined; arrays and objects deeply."""
    if kind_of(left) != kind_of(right) or left is UNDEFINED:
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(equal(left[name], right[name]) for name in left)
    return bool(left == right)


def less(left: Any, right: Any) -> bool:
    """Whether one value comes before another of its type; arrays and objects have no order."""
    kind = kind_of(left)
    return kind == kind_of(right) and kind in (1, 2, 3) and bool(left < right)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": equal,
    "<": less,
    ">": lambda left, right: less(right, left),
    "<=": lambda left, right: less(left, right) or _equal_ordered(left, right),
    ">=": lambda left, right: less(right, left) or _equal_ordered(left, right),
}


def _equal_ordered(left: Any, right: Any) -> bool:
    return kind_of(left) in (1, 2, 3) and equal(left, right)


def array_contains(values: Any, wanted: Any) -> Any:
    """``ARRAY_CONTAINS``: undefined unless given an array and a value."""
    if not isinstance(values, list) or wanted is UNDEFINED:
        return UNDEFINED
    return any(equal(value, wanted) for value in values)


def starts_with(text: Any, prefix: Any) -> Any:
    """``STARTSWITH``: undefined unless given two strings."""
    if not isinstance(text, str) or not isinstance(prefix, str):
        return UNDEFINED
    return text.startswith(prefix)


def is_defined(value: Any) -> bool:
    """``IS_DEFINED``: whether there is a value at all."""
    return value is not UNDEFINED


def is_null(value: Any) -> bool:
    """``IS_NULL``: whether the value is null."""
    return value is None


FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "ARRAY_CONTAINS": (2, array_contains),
    "STARTSWITH": (2, starts_with),
    "IS_DEFINED": (1, is_defined),
    "IS_NULL": (1, is_null),
}


def both(left: Where, right: Where) -> Where:
    """Return the condition that holds where both do."""
    ids = left.ids if right.ids is None else right.ids
    if left.ids is not None and right.ids is not None:
        ids = left.ids & right.ids
    return Where(lambda item: left.holds(item) and right.holds(item), ids)


def either(left: Where, right: Where) -> Where:
    """Return the condition that holds where one of them does."""
    ids = None
    if left.ids is not None and right.ids is not None:
        ids = left.ids | right.ids
    return Where(lambda item: left.holds(item) or right.holds(item), ids)
