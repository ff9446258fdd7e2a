"""Scripting a running proxy from another process, over its control path."""

from typing import Any

import aiohttp

__all__ = ["StorageControl"]


class StorageControl:
    """The control path of the proxy at `endpoint`.

    Every method raises ``aiohttp.ClientError`` where the proxy is away and ``ValueError`` where it refuses.
    """

    def __init__(self, endpoint: str) -> None:
        self._url = endpoint.rstrip("/") + "/_local/"

    async def add_fault(self, kind: str = "status", **rule: Any) -> None:
        """Let calls fail; the fields of a rule are those of `Fault`."""
        await self._ask("POST", "faults", {"kind": kind, **rule})

    async def clear_faults(self) -> None:
        """Take all fault rules away."""
        await self._ask("DELETE", "faults")

    async def faults(self) -> list[dict[str, Any]]:
        """Return the fault rules with what is left of their counts."""
        return list(await self._ask("GET", "faults"))

    async def counts(self) -> dict[str, int]:
        """Return how many calls Azurite answered, by method and status, such as ``PUT 201``."""
        return dict(await self._ask("GET", "counts"))

    async def _ask(self, verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.request(verb, self._url + path, json=body) as reply,
        ):
            answer = await reply.json()
            if not reply.ok:
                raise ValueError(answer["message"])
            return answer
