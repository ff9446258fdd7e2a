"""Ends under a lease: a call with an effect is sent only if the lease outlives its longest time.

The decorated end has exactly the abilities of the one inside, so ``isinstance`` gives the same answers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar, cast

from replicator.connector import Body
from replicator.model.key import Key
from replicator.model.record import Object

E = TypeVar("E")

EFFECTS = frozenset(
    {
        *("commit", "mark"),  # of a source
        *("write", "insert", "write_if", "upload", "remove", "try_write"),  # of a sink
    }
)
"""The methods of ends that change something. Closing one gives back what is in hand, and is let through."""

Require = Callable[[], None]
"""Raises a settled TransientError where nothing may be sent."""


def under_lease(end: E, require: Require) -> E:
    """The end, which asks ``require`` at once before each call with an effect."""
    names = [name for name in dir(end) if not name.startswith("_")]
    made = {name: _effect(name) if name in EFFECTS else _Through(name) for name in names}
    return cast(E, type(f"Leased{type(end).__name__}", (_Leased,), made)(end, require))


class _Leased:
    """What every decorated end has; ``upload`` looks again at its end, others are one call."""

    def __init__(self, end: object, require: Require) -> None:
        self._end = end
        self._require = require

    def __getattr__(self, name: str) -> Any:
        return getattr(self._end, name)


class _Through:
    """An attribute of the end inside."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, leased: Any, _owner: type) -> Any:
        return self if leased is None else getattr(leased._end, self._name)  # noqa: SLF001 - one class in two parts


def _effect(name: str) -> Callable[..., Awaitable[Any]]:
    async def send(self: Any, *args: Any) -> Any:
        self._require()
        return await getattr(self._end, name)(*args)

    async def upload(self: Any, key: Key, body: Body, etag: str | None) -> Any:
        self._require()
        return await self._end.upload(key, _LeasedBody(body, self._require), etag)

    return upload if name == "upload" else send


class _LeasedBody:
    """A body whose end is reached only under the lease: an upload shows nothing before that."""

    def __init__(self, body: Body, require: Require) -> None:
        self.record: Object = body.record
        self._body = body
        self._require = require

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes; whoever reads slowly may come too late with each of them."""
        async for chunk in self._body.chunks():
            self._require()
            yield chunk
        self._require()
