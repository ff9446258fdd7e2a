"""The control path: HTTP on a port of its own, for whoever sets up and tests what runs as a process.

``GET /_local/queues`` lists queues, ``PUT /_local/queues/{name}`` creates one (201) or sets it to the
body's settings (200), ``PATCH`` changes those that the body names (such as ``{"status":
"ReceiveDisabled"}``), ``GET`` describes it with its counts, ``DELETE`` deletes it. ``POST /_local/faults``
adds one rule or a list of them, ``GET`` shows those in force, ``DELETE`` drops them. ``POST /_local/clock``
with ``{"advance_seconds": n}`` moves the time. ``GET /_local/counts`` tells how many operations had which
result. ``GET /_local/health`` answers. No signature is asked for.

``GET /{queue}`` is not ours but the service's own management API, as far as reading a queue (`atom`); it
wants a signature.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol
from urllib.parse import unquote

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from localcloud.servicebus.atom import queue_entry
from localcloud.servicebus.broker.errors import RefusedError, entity_not_found
from localcloud.servicebus.broker.settings import QueueSettings, Tier
from localcloud.servicebus.faults import Fault, Faults

__all__ = ["Controlled", "application"]

_RULES = TypeAdapter(list[Fault])
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Advance(BaseModel):
    """The body of a move of the clock, which goes ahead only."""

    model_config = ConfigDict(extra="forbid")

    advance_seconds: float = Field(ge=0)


class Controlled(Protocol):
    """What is controlled: the server's own Python interface."""

    faults: Faults

    @property
    def counts(self) -> Mapping[str, int]:
        """How many operations had which result."""

    @property
    def tier(self) -> Tier:
        """The tier of the namespace."""

    def authorize(self, token: str, path: str) -> None:
        """Refuse a token that does not cover a path."""

    def queues(self) -> list[str]:
        """Return the names of all queues."""

    def create_queue(self, name: str, settings: QueueSettings | None = None) -> None:
        """Create a queue."""

    def update_queue(self, name: str, **changes: Any) -> None:
        """Change some settings of a queue."""

    def delete_queue(self, name: str) -> None:
        """Delete a queue."""

    def describe_queue(self, name: str) -> dict[str, Any]:
        """Return a queue's settings and counts."""

    def advance_clock(self, seconds: float) -> None:
        """Move the time ahead."""


class _Control:
    def __init__(self, server: Controlled) -> None:
        self._server = server

    async def queues(self, _: web.Request) -> web.Response:
        return _json(self._server.queues())

    async def queue(self, request: web.Request) -> web.Response:
        name = unquote(request.match_info["name"])
        status = 200
        match request.method:
            case "PUT":
                status = self._put(name, QueueSettings.model_validate_json(await request.read() or b"{}"))
            case "PATCH":
                self._server.update_queue(name, **orjson.loads(await request.read()))
            case "DELETE":
                self._server.delete_queue(name)
                return _json({})
        return _json(self._server.describe_queue(name), status)

    async def faults(self, request: web.Request) -> web.Response:
        faults = self._server.faults
        if request.method == "DELETE":
            faults.clear()
        elif request.method == "POST":
            value = orjson.loads(await request.read())
            for rule in _RULES.validate_python(value if isinstance(value, list) else [value]):
                faults.add(rule)
        return _json([rule.model_dump() for rule in faults.rules])

    async def clock(self, request: web.Request) -> web.Response:
        self._server.advance_clock(Advance.model_validate_json(await request.read()).advance_seconds)
        return _json({})

    async def entry(self, request: web.Request) -> web.Response:
        name = unquote(request.match_info["name"])
        self._server.authorize(request.headers.get("Authorization", ""), name)
        described = self._server.describe_queue(name)
        settings = QueueSettings.model_validate(described["settings"])
        body = queue_entry(described["name"], settings, self._server.tier, described["size_bytes"])
        return web.Response(body=body, content_type="application/atom+xml")

    async def counts(self, _: web.Request) -> web.Response:
        return _json(dict(self._server.counts))

    async def health(self, _: web.Request) -> web.Response:
        return _json({"status": "up"})

    def _put(self, name: str, settings: QueueSettings) -> int:
        known = {each.lower() for each in self._server.queues()}
        if name.lower() in known:
            self._server.update_queue(name, **settings.model_dump())
            return 200
        self._server.create_queue(name, settings)
        return 201


def application(server: Controlled) -> web.Application:
    """Return the HTTP application that controls a server."""
    control = _Control(server)
    made = web.Application(middlewares=[_explain])
    made.router.add_get("/_local/queues", control.queues)
    made.router.add_route("*", "/_local/queues/{name:.+}", control.queue)
    made.router.add_route("*", "/_local/faults", control.faults)
    made.router.add_post("/_local/clock", control.clock)
    made.router.add_get("/_local/counts", control.counts)
    made.router.add_get("/_local/health", control.health)
    made.router.add_get("/{name:(?!_local/).+}", control.entry)
    return made


@web.middleware
async def _explain(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RefusedError as refusal:
        return _json({"code": refusal.condition, "message": refusal.description}, refusal.status)
    except (ValidationError, orjson.JSONDecodeError, TypeError) as error:
        return _json({"code": "BadRequest", "message": str(error)}, 400)
    except web.HTTPNotFound:
        missing = entity_not_found(request.path)
        return _json({"code": missing.condition, "message": missing.description}, 404)


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json")
