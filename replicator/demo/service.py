"""The service as a process, run as anybody would: `replicator run`, and its HTTP interface."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from localcloud.ports import Port
from localcloud.probes import answers_http
from localcloud.processes import Server
from replicator.demo.actor import Actor
from replicator.demo.pairs import Pair

CALL_SECONDS_MAX = 5.0
"""Lower than the default of 10, because after kill -9 the service waits so long before it writes again."""

_BARRIER_SECONDS = 60.0
_AGAIN_SECONDS = 0.5


class Service(Actor):
    """One service over all its lives: killed and started again, it finds its state file.

    Attributes:
        url: of its HTTP interface.
        token: what its commands want.
        config: the configuration file.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str], pairs: Sequence[Pair]) -> None:
        self._port = Port()
        self.url = f"http://127.0.0.1:{self._port.number}"
        self.token = secrets.token_urlsafe(16)
        self.config = directory / "replicator.json"
        pipelines = [{"name": pair.name, **pair.ends(environment).settings()} for pair in pairs]
        settings = _settings(directory, self._port.number) | {"pipelines": pipelines}
        self.config.write_text(json.dumps(settings, indent=2))
        command = [sys.executable, "-m", "replicator.cli", "run", str(self.config)]
        variables = {**environment, "REPLICATOR_TOKEN": self.token}
        log = directory / "logs" / "replicator.log"
        super().__init__(Server("replicator", command, answers_http(f"{self.url}/healthz"), log, variables))
        self._http = httpx.AsyncClient(base_url=self.url, timeout=5.0, trust_env=False)

    async def restart(self) -> None:
        """Let it finish what is under way, and start it again."""
        await super().stop()
        await self.start()

    async def stop(self) -> None:
        """Let it finish what is under way, and close."""
        await super().stop()
        await self._http.aclose()
        self._port.close()

    async def status(self) -> dict[str, Any] | None:
        """The document of `/v1/status`; None while it does not answer."""
        try:
            answer = await self._http.get("/v1/status")
        except httpx.HTTPError:
            return None
        return dict(answer.json()) if answer.status_code == httpx.codes.OK else None

    async def drain(self, pair: Pair) -> None:
        """Return once everything committed at a source before this call is durable in its sink.

        A pipeline that has just been started refuses at first, and is asked again.
        """
        async with asyncio.timeout(_BARRIER_SECONDS):
            while not await self._bar(pair):  # noqa: ASYNC110 - it is another process that gets ready
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _bar(self, pair: Pair) -> bool:
        answer = await self._http.post(
            f"/v1/pipelines/{pair.name}/barrier",
            headers={"Authorization": f"Bearer {self.token}"},
            json={"timeout_seconds": _BARRIER_SECONDS},
            timeout=_BARRIER_SECONDS + 5,
        )
        if answer.status_code == httpx.codes.CONFLICT:
            return False
        answer.raise_for_status()
        return True


def _settings(directory: Path, port: int) -> dict[str, Any]:
    return {
        "migration": {"name": "demo"},
        "state": {"path": str(directory / "replicator.db")},
        "api": {"port": port, "token_env": "REPLICATOR_TOKEN"},
        "gate": {"stable_for_seconds": 3},
        "limits": {"sink_call_seconds_max": CALL_SECONDS_MAX},
    }
