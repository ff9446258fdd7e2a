"""Values in a query text: literals, parameters, paths, functions, arrays and objects."""

from dataclasses import dataclass, replace
from typing import Any

from localcloud.cosmos.errors import bad_request
from localcloud.cosmos.query.expression import FUNCTIONS, UNDEFINED, Value, at_path, constant
from localcloud.cosmos.query.tokens import Tokens, literal_value, unsupported

ID = ("id",)
_LITERALS = {"TRUE": True, "FALSE": False, "NULL": None, "UNDEFINED": UNDEFINED}


@dataclass(frozen=True, slots=True)
class Operand:
    """A value in a query.

    Attributes:
        value: makes it of an item.
        text: as it was written.
        path: where it lies in an item, None unless it is a path.
        is_constant: whether it is the same for every item.
        ids: as a condition, the ids outside of which it cannot hold; None where it could anywhere.
    """

    value: Value
    text: str = ""
    path: tuple[str | int, ...] | None = None
    is_constant: bool = False
    ids: frozenset[str] | None = None


def object_of(members: dict[str, Value]) -> Value:
    """Return the object of some values, without the undefined ones."""

    def value(item: Any) -> dict[str, Any]:
        found = {name: member(item) for name, member in members.items()}
        return {name: one for name, one in found.items() if one is not UNDEFINED}

    return value


def strings_in(values: Any) -> frozenset[str]:
    """Return the strings of an array; an id can equal nothing else."""
    found = values if isinstance(values, list) else []
    return frozenset(value for value in found if isinstance(value, str))


def _constant(value: Any) -> Operand:
    return Operand(constant(value), is_constant=True)


class OperandParser(Tokens):
    """Reads values; ``alias`` is the name that stands for the item.

    Args:
        text: the query.
        parameters: values by name, ``@`` included.
    """

    def __init__(self, text: str, parameters: dict[str, Any]) -> None:
        super().__init__(text)
        self._parameters = parameters
        self.alias = ""

    def operand(self) -> Operand:
        """Read one value."""
        start = self.start
        operand = self._bare_operand()
        text = self.text[start : self.tokens[self.place - 1].end]
        return replace(operand, text=text)

    def _bare_operand(self) -> Operand:
        token = self.tokens[self.place]
        if token.kind in ("number", "string"):
            self.place += 1
            return _constant(literal_value(token))
        if token.kind == "parameter":
            self.place += 1
            if token.text not in self._parameters:
                raise bad_request(f"The query has no parameter {token.text}")
            return _constant(self._parameters[token.text])
        if token.kind == "word":
            return self._named()
        if self.take("["):
            return self._array()
        if self.take("{"):
            return self._object()
        raise unsupported(token.text)

    def _named(self) -> Operand:
        name = self.word()
        if name == self.alias:
            path = self._path()
            return Operand(at_path(path), path=path)
        if name.upper() in FUNCTIONS and self.take("("):
            return self._call(name.upper())
        if name.upper() in _LITERALS:
            return _constant(_LITERALS[name.upper()])
        raise unsupported(name)

    def _path(self) -> tuple[str | int, ...]:
        path: list[str | int] = []
        while True:
            if self.take("."):
                path.append(self.word())
            elif self.take("["):
                path.append(self._index())
            else:
                return tuple(path)

    def _index(self) -> str | int:
        token = self.tokens[self.place]
        index = literal_value(token) if token.kind in ("string", "number") else None
        if not isinstance(index, str | int) or (isinstance(index, int) and index < 0):
            raise unsupported(token.text)
        self.place += 1
        self.expect("]")
        return index

    def _call(self, name: str) -> Operand:
        arguments = self.list_of(self.operand)
        self.expect(")")
        count, function = FUNCTIONS[name]
        if len(arguments) != count:
            raise unsupported(name)
        values = [argument.value for argument in arguments]
        ids = None
        if name == "ARRAY_CONTAINS" and arguments[0].is_constant and arguments[1].path == ID:
            ids = strings_in(arguments[0].value(None))
        return Operand(lambda item: function(*(value(item) for value in values)), ids=ids)

    def _array(self) -> Operand:
        operands = [] if self.word_now == "]" else self.list_of(self.operand)
        self.expect("]")
        values = [operand.value for operand in operands]
        return Operand(lambda item: [one for value in values if (one := value(item)) is not UNDEFINED])

    def _object(self) -> Operand:
        members = dict([] if self.word_now == "}" else self.list_of(self._member))
        self.expect("}")
        return Operand(object_of(members))

    def _member(self) -> tuple[str, Value]:
        token = self.tokens[self.place]
        if token.kind != "string":
            raise unsupported(token.text)
        self.place += 1
        self.expect(":")
        return literal_value(token), self.operand().value

    def count(self) -> int:
        """Read a number of results: a literal or a parameter."""
        operand = self.operand()
        count = operand.value(None) if operand.is_constant else None
        if not isinstance(count, int) or count < 0:
            raise unsupported(operand.text)
        return count
