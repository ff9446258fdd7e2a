"""The control path: what a test asks of a stand-in that runs as a process of its own.

``POST /_local/faults`` adds one rule or a list of them, ``GET`` shows those in force, ``DELETE``
drops them. ``POST /_local/clock`` with ``{"advance_seconds": n}`` moves the time. ``POST
/_local/split`` with ``{"database": …, "container": …, "range": …}`` splits a physical range (without
``range`` the fullest) and answers with the ids of the two. ``GET /_local/counts`` tells how many calls were
answered. No signature is asked for.
"""

from collections.abc import Callable, Mapping

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from localcloud.cosmos.errors import bad_request, not_found
from localcloud.cosmos.exchange import Reply
from localcloud.cosmos.faults import Fault, Faults

CONTROL_PREFIX = "/_local/"
_RULES = TypeAdapter(list[Fault])


class Advance(BaseModel):
    """The body of a move of the clock."""

    model_config = ConfigDict(extra="forbid")

    advance_seconds: float


class Split(BaseModel):
    """The body of a split."""

    model_config = ConfigDict(extra="forbid")

    database: str
    container: str
    range: str | None = None


class Control:
    """Answers calls on the control path.

    Args:
        faults: the rules in force.
        advance_clock: moves the server's time by seconds.
        counts: returns calls answered, by operation and status.
        split: splits a range of a database's container, and returns the ids of the two.
    """

    def __init__(
        self,
        faults: Faults,
        advance_clock: Callable[[float], None],
        counts: Callable[[], Mapping[str, int]],
        split: Callable[[str, str, str | None], tuple[str, str]],
    ) -> None:
        self._faults = faults
        self._advance_clock = advance_clock
        self._counts = counts
        self._split = split

    def serve(self, verb: str, path: str, body: bytes) -> Reply:
        """Carry out one call; 400 with all problems for a body that does not fit."""
        try:
            return self._serve(verb, path.removeprefix(CONTROL_PREFIX), body)
        except (ValidationError, orjson.JSONDecodeError) as error:
            raise bad_request(str(error)) from None

    def _serve(self, verb: str, name: str, body: bytes) -> Reply:
        match verb, name:
            case "POST", "faults":
                self._add(body)
            case "DELETE", "faults":
                self._faults.clear()
            case "POST", "clock":
                self._advance_clock(Advance.model_validate_json(body).advance_seconds)
            case "POST", "split":
                asked = Split.model_validate_json(body)
                return _json(self._split(asked.database, asked.container, asked.range))
            case "GET", "counts":
                return _json(dict(self._counts()))
            case "GET", "faults":
                pass
            case _:
                raise not_found(f"{verb} {CONTROL_PREFIX}{name}")
        return _json([rule.model_dump() for rule in self._faults.rules])

    def _add(self, body: bytes) -> None:
        value = orjson.loads(body)
        rules = _RULES.validate_python(value if isinstance(value, list) else [value])
        for rule in rules:
            self._faults.add(rule)


def _json(value: object) -> Reply:
    return Reply(200, orjson.dumps(value), {"content-type": "application/json"})
