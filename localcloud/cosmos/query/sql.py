"""A query text with its parameters, read into a ``Query``.

Spoken: ``SELECT [TOP n] * | VALUE … | fields FROM c [WHERE …] [ORDER BY …] [OFFSET n LIMIT m]``,
``COUNT(1)``, AND, OR, IN, the comparisons without ``!=``, and the functions of ``expression``.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from localcloud.cosmos.errors import bad_request
from localcloud.cosmos.payload import parse
from localcloud.cosmos.query.expression import COMPARISONS, Value, Where, both, either, equal
from localcloud.cosmos.query.operands import ID, Operand, OperandParser, object_of, strings_in
from localcloud.cosmos.query.tokens import unsupported

_AFTER_FROM = ("AS", "WHERE", "ORDER", "OFFSET")


@dataclass(slots=True)
class Query:
    """What a query asks for.

    Attributes:
        text: as it was sent.
        alias: the name that stands for the item.
        source: its ``FROM …`` and ``WHERE …``, for rewriting.
        select: makes a result of an item; None takes the item whole.
        select_text: the same as a value expression, for rewriting.
        is_value: whether it is a ``SELECT VALUE``.
        count: None, ``plain`` for ``VALUE COUNT(1)``, ``items`` for a planned query's part of it.
        where: the condition, None for all.
        order: what to sort by, with whether it descends.
        top: greatest number of results, None for all.
        offset: results to leave out first.
        limit: greatest number of results after them, None for all.
    """

    text: str
    alias: str = ""
    source: str = ""
    select: Value | None = None
    select_text: str = ""
    is_value: bool = False
    count: str | None = None
    where: Where | None = None
    order: list[tuple[Operand, bool]] = field(default_factory=list)
    top: int | None = None
    offset: int = 0
    limit: int | None = None

    @property
    def needs_plan(self) -> bool:
        """Whether several ranges' answers have to be merged by the client."""
        bounded = self.top is not None or self.limit is not None
        return bounded or bool(self.order) or self.count is not None


def parse_request(body: bytes) -> Query:
    """Return the query of a request body: ``{"query": …, "parameters": [{"name", "value"}]}``."""
    request = parse(body)
    if not isinstance(request, dict) or not isinstance(request.get("query"), str):
        raise bad_request("A query request is an object with the text as its query")
    try:
        parameters = {one["name"]: one.get("value") for one in request.get("parameters") or []}
    except (TypeError, KeyError, AttributeError):
        raise bad_request("The parameters of a query are objects with a name and a value") from None
    return _Parser(request["query"], parameters).query()


def parse_condition(text: str) -> Where:
    """Return the condition of a patch: ``FROM c WHERE …``, which takes no parameters."""
    return _Parser(text, {}).condition()


class _Parser(OperandParser):
    def __init__(self, text: str, parameters: dict[str, Any]) -> None:
        super().__init__(text, parameters)
        self.alias = self._find_alias()

    def query(self) -> Query:
        query = Query(self.text, self.alias)
        self.expect("SELECT")
        if self.take("TOP"):
            query.top = self.count()
        self._selection(query)
        source_start = self.start
        self._from()
        if self.take("WHERE"):
            query.where = self._or()
        query.source = self.text[source_start : self.start]
        if self.take("ORDER"):
            self.expect("BY")
            query.order = self.list_of(self._sort_key)
        if self.take("OFFSET"):
            query.offset = self.count()
            self.expect("LIMIT")
            query.limit = self.count()
        self.expect_end()
        _check(query)
        return query

    def condition(self) -> Where:
        self._from()
        self.expect("WHERE")
        where = self._or()
        self.expect_end()
        return where

    # What to select

    def _selection(self, query: Query) -> None:
        if self.take("*"):
            query.select_text = self.alias
        elif self.take("VALUE"):
            query.is_value = True
            self._value_selection(query)
        else:
            self._fields(query)

    def _value_selection(self, query: Query) -> None:
        if self.take_all("COUNT", "(", "1", ")"):
            query.count = "plain"
        elif self.take_all("[", "{", '"item"', ":", "COUNT", "(", "1", ")", "}", "]"):
            query.count = "items"
        else:
            operand = self.operand()
            query.select, query.select_text = operand.value, operand.text

    def _fields(self, query: Query) -> None:
        fields = self.list_of(self._field)
        members = {name: operand.value for name, operand in fields}
        if len(members) < len(fields):
            raise unsupported("two properties of one name")
        query.select = object_of(members)
        parts = [f"{json.dumps(name)}: {operand.text}" for name, operand in fields]
        query.select_text = "{" + ", ".join(parts) + "}"

    def _field(self) -> tuple[str, Operand]:
        operand = self.operand()
        if self.take("AS"):
            return self.word(), operand
        name = None if operand.path is None else (self.alias, *operand.path)[-1]
        if not isinstance(name, str):
            raise unsupported(operand.text)
        return name, operand

    def _from(self) -> None:
        self.expect("FROM")
        self.word()
        if self.take("AS") or (self.kind == "word" and self.upper not in _AFTER_FROM):
            self.word()

    def _find_alias(self) -> str:
        """Return the name that stands for the item: the last word of ``FROM root r``."""
        words = [token.text.upper() for token in self.tokens]
        if "FROM" not in words:
            raise unsupported("")
        self.place = words.index("FROM")
        self._from()
        alias = self.tokens[self.place - 1].text
        self.place = 0
        return alias

    def _sort_key(self) -> tuple[Operand, bool]:
        operand = self.operand()
        if operand.path is None:
            raise unsupported(operand.text)
        if self.take("DESC"):
            return operand, True
        self.take("ASC")
        return operand, False

    # Conditions

    def _or(self) -> Where:
        left = self._and()
        while self.take("OR"):
            left = either(left, self._and())
        return left

    def _and(self) -> Where:
        left = self._condition()
        while self.take("AND"):
            left = both(left, self._condition())
        return left

    def _condition(self) -> Where:
        if self.take("("):
            inner = self._or()
            self.expect(")")
            return inner
        left = self.operand()
        if self.take("IN"):
            self.expect("(")
            options = self.list_of(self.operand)
            self.expect(")")
            return _one_of(left, options)
        comparison = COMPARISONS.get(self.word_now)
        if comparison is None:
            return _holds(left)
        self.place += 1
        return _compared(left, self.operand(), comparison)


def _check(query: Query) -> None:
    """Refuse combinations that this stand-in would not answer as the service does."""
    is_bounded = query.top is not None or query.limit is not None
    if query.count is not None and (is_bounded or query.order):
        raise unsupported("COUNT")
    # The service sorts by several properties only with a composite index for them.
    if len(query.order) > 1:
        raise unsupported("ORDER BY")


def _holds(operand: Operand) -> Where:
    """Return the condition that a value is true."""
    value = operand.value
    return Where(lambda item: value(item) is True, operand.ids)


def _compared(left: Operand, right: Operand, comparison: Callable[[Any, Any], bool]) -> Where:
    ids = None
    if comparison is equal:
        ids = _ids_equal(left, right) or _ids_equal(right, left)
    first, second = left.value, right.value
    return Where(lambda item: comparison(first(item), second(item)), ids)


def _ids_equal(path: Operand, value: Operand) -> frozenset[str] | None:
    if path.path != ID or not value.is_constant:
        return None
    return strings_in([value.value(None)])


def _one_of(left: Operand, options: list[Operand]) -> Where:
    ids = None
    if left.path == ID and all(option.is_constant for option in options):
        ids = strings_in([option.value(None) for option in options])
    value, values = left.value, [option.value for option in options]
    return Where(lambda item: any(equal(value(item), option(item)) for option in values), ids)
