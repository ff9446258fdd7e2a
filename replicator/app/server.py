"""The HTTP server inside our own event loop; signals and logs stay ours."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from replicator.config.settings import Api
from replicator.model.errors import ReplicatorError

FINISH_SECONDS_MAX = 5
"""Requests under way at the end are given so long."""

CONNECTIONS_MAX = 256
"""More are answered 503: a crowd of callers must not starve replication."""

BACKLOG = 128


class AddressError(ReplicatorError):
    """The address of the HTTP interface cannot be listened on."""

    code = "address"


def bind(api: Api) -> socket.socket:
    """Take the address before anything starts, so that a taken one leaves nothing half done.

    Raises:
        AddressError: it is in use, not this machine's, or not allowed.
    """
    family = socket.AF_INET6 if ":" in api.host else socket.AF_INET
    try:
        return socket.create_server((api.host, api.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise AddressError(
            f"cannot listen on {api.host}:{api.port}: {error.strerror or error}",
            hint="Choose another address with api.host and api.port, or REPLICATOR__API__PORT.",
        ) from error


class HttpServer(uvicorn.Server):
    """Serves an application on a bound socket until ``stop``."""

    def __init__(self, app: FastAPI, bound: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_graceful_shutdown=FINISH_SECONDS_MAX,
        )
        super().__init__(config)
        self._bound = bound

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to ``run``."""
        yield

    async def serve_bound(self) -> None:
        """Serve until ``stop``, then finish the requests under way."""
        await self.serve([self._bound])

    def stop(self) -> None:
        """Take no further requests."""
        self.should_exit = True
