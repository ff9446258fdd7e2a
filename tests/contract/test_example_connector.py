"""A third party's connector, built and installed as a package, is found, runs, and keeps the contract."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from replicator.testing import sink_contract, source_contract

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples" / "connector-sqlite"
SECONDS_MAX = 60.0
INSTALL = ["pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir"]
COMMAND = [sys.executable, "-m", "replicator.cli"]

pytestmark = pytest.mark.xdist_group("example connector")


def environment(*installed):
    """This process's environment, with these directories where packages are found."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("REPLICATOR_")}
    return {**own, "PYTHONPATH": os.pathsep.join(map(str, installed)), "NO_COLOR": "1"}


def call(command, directory, *installed):
    """Run a command to its end."""
    return subprocess.run(
        command,
        cwd=directory,
        env=environment(*installed),
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """The example outside the repository, where building it leaves nothing behind in ours."""
    ignored = shutil.ignore_patterns("build", "*.egg-info", "__pycache__", ".*")
    return shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("third-party") / "connector", ignore=ignored)


@pytest.fixture(scope="module")
def installed(copied):
    """The directory into which the package was installed, without any network."""
    target = copied.parent / "installed"
    done = call([sys.executable, "-m", *INSTALL, "--target", str(target), str(copied)], copied.parent)
    assert done.returncode == 0, done.stderr
    return target


def test_validate_finds_it(copied, installed, tmp_path):
    """With the package installed, its example configuration is valid and both ends are looked at."""
    (tmp_path / "run").mkdir()
    done = call([*COMMAND, "validate", str(copied / "orders.yaml")], tmp_path, installed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 pipeline; both ends were looked at; the configuration can run" in done.stdout


def test_without_the_package_it_is_unknown(copied, tmp_path):
    """Nothing of ours knows the connector: without its package there is none of this name."""
    done = call([*COMMAND, "validate", str(copied / "orders.yaml")], tmp_path)
    assert done.returncode == 65
    assert "there is no connector 'sqlite'" in done.stdout + done.stderr


def test_its_settings_and_probes_speak(copied, installed, tmp_path):
    """A wrong setting is told with its place in the file, a missing directory by the connector's probe."""
    text = (copied / "orders.yaml").read_text()
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text.replace("path: run/orders.db", "path: run/orders.db\n      batch_changes_max: 0"))
    done = call([*COMMAND, "validate", str(wrong)], tmp_path, installed)
    assert done.returncode == 65
    assert "batch_changes_max" in done.stdout + done.stderr
    done = call([*COMMAND, "validate", str(copied / "orders.yaml")], tmp_path, installed)
    assert done.returncode == 1
    assert "error: orders, sink: the directory" in done.stdout


def test_it_keeps_the_contract(copied, installed):
    """Its own tests, which run our exported contract against both ends, pass over the installed package."""
    options = ["-p", "no:cacheprovider", "-o", "addopts=", "-v"]
    done = call([sys.executable, "-m", "pytest", *options], copied, installed)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = set(re.findall(r"::(test_\w+\[\w+\]) PASSED", done.stdout))
    assert passed == {
        *(f"test_sink[{check.__name__}]" for check in sink_contract.CHECKS),
        *(f"test_source[{check.__name__}]" for check in source_contract.CHECKS),
    }


def test_it_replicates(installed, tmp_path):
    """The service copies one file to another and follows what another program then writes."""
    source, sink = tmp_path / "source.db", tmp_path / "sink.db"
    with closing(sqlite3.connect(source, isolation_level=None)) as writer:
        writer.execute("CREATE TABLE records (key TEXT PRIMARY KEY, record TEXT NOT NULL, etag TEXT)")
        for number in range(20):
            put(writer, number, "old")
        with running(configure(tmp_path, source, sink), installed) as service:
            wait_for(lambda: content(sink) == content(source), service)
            put(writer, 0, "new")
            put(writer, 20, "new")
            writer.execute("DELETE FROM records WHERE key = ?", (key(1),))
            wait_for(lambda: content(sink) == content(source), service)
            service.send_signal(signal.SIGTERM)
            assert service.wait(SECONDS_MAX) == 0
    assert len(content(sink)) == 20


def test_it_is_typed():
    """The example is checked by mypy as strictly as our own packages."""
    command = [sys.executable, "-m", "mypy", "--strict", "-p", "replicator_sqlite"]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**environment(), "MYPYPATH": str(EXAMPLE / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def key(number):
    """The key of an order as the file has it."""
    return json.dumps([f"s:order-{number}"])


def put(writer, number, state):
    """Write an order as a program does that knows nothing of Replicator."""
    record = json.dumps({"item": {"id": {"S": f"order-{number}"}, "state": {"S": state}}})
    writer.execute("INSERT OR REPLACE INTO records (key, record) VALUES (?, ?)", (key(number), record))


def content(path):
    """Key to record, of a file that may not be there yet."""
    if not path.exists():
        return None
    with closing(sqlite3.connect(path)) as reader:
        try:
            rows = reader.execute("SELECT key, record FROM records").fetchall()
        except sqlite3.OperationalError:  # the table is not there yet
            return None
    return {key: json.loads(record) for key, record in rows}


def configure(directory, source, sink):
    """A configuration from one file to another."""
    path = directory / "replicator.yaml"
    settings = {
        "state": {"path": str(directory / "state.db")},
        "api": {"port": 0},
        "pipelines": [
            {
                "name": "orders",
                "source": {"connector": "sqlite", "path": str(source), "poll_seconds": 0.05},
                "sink": {"connector": "sqlite", "path": str(sink)},
            }
        ],
    }
    path.write_text(yaml.safe_dump(settings))
    return path


def running(config, *installed):
    """The service as a process; leaving it kills what is left."""
    with (config.parent / "service.log").open("wb") as log:
        return Service(
            [*COMMAND, "run", str(config)],
            cwd=config.parent,
            env=environment(*installed),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


class Service(subprocess.Popen):
    """A process that does not outlive its block."""

    def __exit__(self, *exception):
        self.kill()
        super().__exit__(*exception)


def wait_for(condition, service):
    """Return once the condition holds; fail when the service ends before, or time is up."""
    deadline = time.monotonic() + SECONDS_MAX
    while not condition():
        assert service.poll() is None, "the service has ended"
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.05)  # between looks at a condition
