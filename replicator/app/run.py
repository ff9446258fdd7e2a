"""Running a service: look at the ends, take the address and the state, start, serve, drain, close."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

import replicator
from replicator.api import Served, create_app
from replicator.app.build import Built, build
from replicator.app.ends import Connectors
from replicator.app.preflight import require_sound
from replicator.app.progress import Progress
from replicator.app.server import HttpServer, bind
from replicator.config import installed
from replicator.config.secrets import read_secret
from replicator.config.settings import Settings
from replicator.engine.service import Service
from replicator.engine.status import State
from replicator.state import SqliteStore

SIGNALS = (signal.SIGINT, signal.SIGTERM)

log = structlog.get_logger()


async def run(settings: Settings, environ: Mapping[str, str], *, preflight_seconds: float | None) -> bool:
    """Replicate until a signal says stop; True where every pipeline ended well.

    At the first start, told by the absence of the state file, both ends of every pipeline are looked at
    first, and ends that cannot be reached are waited for up to ``preflight_seconds``; None looks at
    nothing. A later start goes on at once: what is wrong then is shown in status, and retried.

    A first signal drains; a second one, or one before the service has started, cancels this call.

    Raises:
        PreflightError, AddressError, StateError, ConfigError: nothing was started, and nothing changed.
    """
    token = read_secret(settings.api.token_file, settings.api.token_env, environ)
    connectors = installed()
    with _Stopper().installed() as stopper:
        if preflight_seconds is not None and not _has_state(settings.state.path):
            await _look_first(settings, connectors, preflight_seconds)
        with bind(settings.api) as address:
            store = await SqliteStore.open(settings.state.path)
            try:
                built = build(settings, store, connectors)
                stopper.service = built.service
                return await _serve(built, settings, token, address)
            finally:
                await store.close()


async def _serve(built: Built, settings: Settings, token: str | None, address: socket.socket) -> bool:
    """HTTP is served for as long as there is something to say, the draining included."""
    service, endless = built.service, dict[str, asyncio.Task[None]]()
    served = Served(service, built.metrics, settings.migration.strategy, token, lambda: _ailments(endless))
    server = HttpServer(create_app(served), address)
    async with asyncio.TaskGroup() as tasks:
        endless["http"] = tasks.create_task(server.serve_bound(), name="http")
        endless["progress"] = tasks.create_task(Progress(service).follow(), name="progress")
        endless["service"] = tasks.create_task(service.run(), name="service")
        _log_start(settings, address, commands=token is not None)
        await endless["service"]
        endless["progress"].cancel()
        server.stop()
    failed = [status.name for status in service.statuses() if status.failure is not None]
    log.info("service.stopped", state="failed" if failed else State.STOPPED.value)
    return not failed


def _ailments(endless: Mapping[str, asyncio.Task[None]]) -> Sequence[str]:
    return [f"the task {name} has ended" for name, task in endless.items() if task.done()]


def _log_start(settings: Settings, address: socket.socket, *, commands: bool) -> None:
    host, port = address.getsockname()[:2]
    log.info(
        "service.started",
        version=replicator.__version__,
        address=f"{host}:{port}",
        path=str(settings.state.path),
    )
    if not commands:
        log.info("commands.disabled", hint="Name a token in api.token_file or api.token_env.")


def _has_state(path: Path) -> bool:
    """False before the first start; what cannot be looked at is left to the store to complain of."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError:
        return True


async def _look_first(settings: Settings, connectors: Connectors, wait_seconds: float) -> None:
    for seen in await require_sound(settings, connectors, wait_seconds):
        log.info(
            "preflight.warned",
            pipeline=seen.pipeline,
            side=seen.side,
            message=seen.finding.message,
            hint=seen.finding.hint,
        )


class _Stopper:
    """Turns signals into a drain, and an insisting one into an end."""

    def __init__(self) -> None:
        self.service: Service | None = None
        self._told = False

    @contextmanager
    def installed(self) -> Iterator[_Stopper]:
        """Handle the signals while inside."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        for signum in SIGNALS:
            loop.add_signal_handler(signum, self._stop, signum, task)
        try:
            yield self
        finally:
            for signum in SIGNALS:
                loop.remove_signal_handler(signum)

    def _stop(self, signum: signal.Signals, task: asyncio.Task[object] | None) -> None:
        log.info("signal.received", signal=signum.name)
        if self.service is not None and not self._told:
            self._told = True
            self.service.stop()
        elif task is not None:
            task.cancel()
