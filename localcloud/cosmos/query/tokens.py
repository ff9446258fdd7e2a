"""The words of a query text."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import orjson

from localcloud.cosmos.errors import RefusedError, bad_request
from localcloud.cosmos.payload import as_doubles

T = TypeVar("T")

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<parameter>@\w+)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<sign><=|>=|!=|<>|[=<>(),.\[\]{}:*])
    )""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """One word: its kind (``number``, ``string``, …, ``end``), its text, and where it lies."""

    kind: str
    text: str
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a query, the last one of kind ``end``; 400 for anything else."""
    tokens, place = [], 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None:
            raise unsupported(text[place:].strip()[:20])
        kind = found.lastgroup or ""
        tokens.append(Token(kind, found[kind], found.start(kind), found.end(kind)))
        place = found.end()
    return [*tokens, Token("end", "", len(text), len(text))]


def literal_value(token: Token) -> Any:
    """Return what a number or string token stands for."""
    if token.kind == "number":
        return as_doubles(orjson.loads(token.text))
    body = token.text[1:-1].replace("\\'", "'")
    if token.text[0] == "'":
        body = re.sub(r'(?<!\\)"', '\\"', body)
    try:
        return orjson.loads(f'"{body}"')
    except orjson.JSONDecodeError:
        raise unsupported(token.text) from None


def unsupported(near: str) -> RefusedError:
    """Return the refusal of a query that is wrong, or that this stand-in does not speak."""
    where = f"near '{near}'" if near else "at its end"
    return bad_request(f"Syntax error, or a query that this stand-in does not support, {where}")


class Tokens:
    """A query's tokens with a place among them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.place = 0

    @property
    def start(self) -> int:
        """Where the next token starts."""
        return self.tokens[self.place].start

    @property
    def kind(self) -> str:
        """The next token's kind."""
        return self.tokens[self.place].kind

    @property
    def word_now(self) -> str:
        """The next token's text."""
        return self.tokens[self.place].text

    @property
    def upper(self) -> str:
        """The next token's text in upper case."""
        return self.word_now.upper()

    def take(self, text: str) -> bool:
        """Go past a word or sign and return True, or stay and return False."""
        if self.kind == "string" or self.upper != text:
            return False
        self.place += 1
        return True

    def take_all(self, *texts: str) -> bool:
        """Go past several words, or none of them."""
        found = [token.text for token in self.tokens[self.place : self.place + len(texts)]]
        if [text.upper() for text in found] != [text.upper() for text in texts]:
            return False
        self.place += len(texts)
        return True

    def expect(self, text: str) -> None:
        """Go past a word or sign that has to be there."""
        if not self.take(text):
            raise unsupported(self.word_now)

    def expect_end(self) -> None:
        """Refuse anything after the query."""
        if self.kind != "end":
            raise unsupported(self.word_now)

    def word(self) -> str:
        """Go past a name and return it."""
        if self.kind != "word":
            raise unsupported(self.word_now)
        self.place += 1
        return self.tokens[self.place - 1].text

    def list_of(self, one: Callable[[], T]) -> list[T]:
        """Take one or more of something, separated by commas."""
        values = [one()]
        while self.take(","):
            values.append(one())
        return values
