"""Setting up and scripting a running stand-in from Python, over its control path."""

from typing import Any
from urllib.parse import quote

import aiohttp

__all__ = ["ServiceBusControl"]


class ServiceBusControl:
    """The control path of the stand-in at `url`; `control` says what each call does.

    Every method raises ``aiohttp.ClientError`` where the stand-in is away and ``ValueError``, with the
    reason, where it refuses.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/_local/"

    async def create_queue(self, name: str, **settings: Any) -> dict[str, Any]:
        """Create a queue, or set one to exactly these settings; those are of `QueueSettings`."""
        return dict(await self._ask("PUT", _path(name), settings))

    async def update_queue(self, name: str, **changes: Any) -> dict[str, Any]:
        """Change some settings of a queue, such as ``status="ReceiveDisabled"``."""
        return dict(await self._ask("PATCH", _path(name), changes))

    async def delete_queue(self, name: str) -> None:
        """Delete a queue with its messages."""
        await self._ask("DELETE", _path(name))

    async def describe_queue(self, name: str) -> dict[str, Any]:
        """Return a queue's settings and counts; see `Namespace.describe`."""
        return dict(await self._ask("GET", _path(name)))

    async def queues(self) -> list[str]:
        """Return the names of all queues."""
        return list(await self._ask("GET", "queues"))

    async def add_fault(self, kind: str, **rule: Any) -> None:
        """Let operations fail; the fields of a rule are those of `Fault`."""
        await self._ask("POST", "faults", {"kind": kind, **rule})

    async def clear_faults(self) -> None:
        """Take all fault rules away."""
        await self._ask("DELETE", "faults")

    async def faults(self) -> list[dict[str, Any]]:
        """Return the fault rules with what is left of their counts."""
        return list(await self._ask("GET", "faults"))

    async def advance_clock(self, seconds: float) -> None:
        """Move the time ahead: locks, schedules and messages' lives."""
        await self._ask("POST", "clock", {"advance_seconds": seconds})

    async def counts(self) -> dict[str, int]:
        """Return how many operations had which result."""
        return dict(await self._ask("GET", "counts"))

    async def _ask(self, verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.request(verb, self._url + path, json=body) as reply,
        ):
            answer = await reply.json()
            if not reply.ok:
                raise ValueError(f"{answer['code']}: {answer['message']}")
            return answer


def _path(name: str) -> str:
    return f"queues/{quote(name, safe='')}"
