"""`replicator run` as a process over a connector of a third party, and what talks to it.

The connector ``seeded`` is a package outside this repository's: a module and an entry point in a directory
of its own. Its table has rows from the start, so that both ends live in the service's process.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import yaml

START_SECONDS_MAX = 30.0
TOKEN = "a-token-for-tests"
COMMAND = [sys.executable, "-m", "replicator.cli"]

_CONNECTOR = '''
"""A connector of somebody else: the memory one with rows in it, and an end that can be made to fail."""

import asyncio

from pydantic import Field

from connectors.memory import MemorySink, MemorySinkSettings, MemorySource, MemorySourceSettings
from connectors.memory import MarkedMemorySource, MemoryContainer, MemoryTable
from replicator.connector import Connector, Finding, Severity
from replicator.model.errors import PermanentError

tables, containers = {}, {}


class Rows(MemorySourceSettings):
    rows: int = Field(default=0)
    large: int = Field(default=0)


class Refusing(MemorySinkSettings):
    blocked: str = ""
    passing: bool = False
    warned: str = ""
    broken: str = ""
    hanging: bool = False


class Sink(MemorySink):
    def __init__(self, container, settings):
        super().__init__(container, settings)
        self.settings = settings

    async def connect(self):
        if self.settings.broken:
            raise PermanentError(self.settings.broken, hint="mend it")
        await super().connect()

    async def insert(self, changes):
        if self.settings.hanging:
            await asyncio.Event().wait()
        await super().insert(changes)

    async def probe(self):
        said = self.settings
        errors = [Finding(Severity.ERROR, said.blocked, "unblock it", passing=said.passing)]
        warnings = [Finding(Severity.WARNING, said.warned)]
        return [*(errors if said.blocked else ()), *(warnings if said.warned else ())]


def seeded(settings):
    table = MemoryTable()
    for number in range(settings.rows):
        table.put((f"row-{number}",), {"id": {"S": f"row-{number}"}})
    for number in range(settings.large):
        table.put((f"large-{number}",), {"id": {"S": f"large-{number}"}, "text": {"S": "x" * 2000}})
    return table


def open_source(settings, context):
    if context.pipeline not in tables:
        tables[context.pipeline] = seeded(settings)
    kind = MarkedMemorySource if settings.marks else MemorySource
    return kind(tables[context.pipeline], settings)


def open_sink(settings, context):
    container = containers.setdefault(context.pipeline, MemoryContainer(document_bytes_max=1000))
    return Sink(container, settings)


connector = Connector("seeded", Rows, open_source, Refusing, open_sink)
'''


def install_connector(directory: Path):
    """Put the package where PYTHONPATH finds it, as an installer would."""
    package = directory / "third-party"
    metadata = package / "seeded-1.0.dist-info"
    metadata.mkdir(parents=True)
    (package / "seeded.py").write_text(_CONNECTOR)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: seeded\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[replicator.connectors]\nseeded = seeded:connector\n")
    return package


def pipeline(name, source=None, **sink):
    """The settings of one pipeline of the third party's connector."""
    return {
        "name": name,
        "source": {"connector": "seeded", "table": name, **(source or {})},
        "sink": {"connector": "seeded", "container": name, **sink},
    }


class Place:
    """A directory with a configuration in it; ``settings`` may be changed before anything is started."""

    def __init__(self, directory: Path, *pipelines):
        self.directory = directory
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("REPLICATOR_")},
            "PYTHONPATH": str(install_connector(directory)),
            "SERVICE_TOKEN": TOKEN,
            "REPLICATOR_TOKEN": TOKEN,
            "NO_COLOR": "1",
        }
        self.state = directory / "state" / "replicator.db"
        self.settings = {
            "state": {"path": str(self.state)},
            "api": {"port": 0, "token_env": "SERVICE_TOKEN"},
            "gate": {"stable_for_seconds": 0},
            "limits": {"sink_call_seconds_max": 1},
            "pipelines": list(pipelines),
        }

    @property
    def config(self):
        """The configuration file, written now."""
        path = self.directory / "replicator.yaml"
        path.write_text(yaml.safe_dump(self.settings))
        return path

    def cli(self, *arguments, **variables):
        """Carry out one command line, with variables changed, or removed where they are None."""
        environment = {**self.environment, **variables}
        environment = {name: value for name, value in environment.items() if value is not None}
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            env=environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @contextmanager
    def running(self, *options):
        """The service, started and at the end stopped."""
        service = Running(self, options)
        try:
            service.await_start()
            yield service
        finally:
            service.stop()


class Running:
    """A service process."""

    def __init__(self, place, options=()):
        self.place = place
        self.log = place.directory / f"log-{time.monotonic_ns()}.jsonl"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "run", str(place.config), *options],
                env=place.environment,
                cwd=place.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.url = ""

    def lines(self):
        """The log so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def await_start(self):
        """Return when it has told its address and answers there."""
        self.url = wait_for(self._address, self._is_alive)
        wait_for(lambda: self.answers("/healthz"), self._is_alive)

    def _address(self):
        started = [line["address"] for line in self.lines() if line["event"] == "service.started"]
        return f"http://{started[0]}" if started else None

    def _is_alive(self):
        assert self.process.poll() is None, self.log.read_text()

    def answers(self, path):
        """Whether the path is answered with a 200."""
        try:
            return httpx.get(self.url + path, timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def get(self, path, **headers):
        """One request without a token."""
        return httpx.get(self.url + path, headers=headers, timeout=10)

    def command(self, method, path, **options):
        """One request with the token."""
        headers = {"Authorization": f"Bearer {TOKEN}", **options.pop("headers", {})}
        return httpx.request(method, self.url + path, headers=headers, timeout=20, **options)

    def status(self, name):
        """The document of one pipeline."""
        pipelines = self.get("/v1/status").json()["pipelines"]
        return next(document for document in pipelines if document["name"] == name)

    def cli(self, *arguments, **variables):
        """One command line against this service."""
        return self.place.cli(*arguments, **{"REPLICATOR_URL": self.url, **variables})

    def stop(self):
        """SIGTERM, and the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()


def wait_for(condition, check=lambda: None):
    """The first true value of the condition; ``check`` may raise to give up earlier."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        check()
        time.sleep(0.02)  # between looks at a condition
    raise AssertionError("the condition did not come true")
