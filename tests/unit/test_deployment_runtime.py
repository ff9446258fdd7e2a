"""The runtime's lock is enough: nothing of production imports what only development installs."""

import json
import os
import re
import signal
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
NOT_SHIPPED = ("localcloud", "replicator.testing", "replicator.demo")
EXAMPLE = ROOT / "config" / "examples" / "dynamodb-to-cosmos.yaml"

_WITHOUT = """
import importlib, json, sys
from pathlib import Path

class Refusing:
    def __init__(self, names):
        self.names = names

    def find_spec(self, name, path=None, target=None):
        if name in self.names:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)

sys.meta_path.insert(0, Refusing(frozenset(json.loads(Path(sys.argv.pop(1)).read_text()))))
if sys.argv[1] == "import":
    for name in sys.argv[2:]:
        importlib.import_module(name)
else:
    from replicator.cli import main
    main()
"""


def modules_of(distribution):
    """The dotted names of the modules that a distribution installs."""
    for path in distribution.files or ():
        if path.suffix in {".py", ".so"} and ".." not in path.parts:
            parts = (*path.parts[:-1], path.name.split(".")[0])
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """A file that lists every installed module that the image does not have."""
    lock = (ROOT / "requirements" / "runtime.lock").read_text()
    runtime = set(re.findall(r"^([\w.-]+)==", lock, re.MULTILINE))
    has, lacks = set(), {"pytest"}
    for distribution in distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        if name != "replicator":
            (has if name in runtime else lacks).update(modules_of(distribution))
    assert {"boto3", "ministack", "hypothesis"} <= lacks - has
    path = tmp_path_factory.mktemp("image") / "refused.json"
    path.write_text(json.dumps([*sorted(lacks - has), *NOT_SHIPPED]))
    return path


def command(refused, *words):
    """A command line of the service, or an import, with only the image's modules."""
    return [sys.executable, "-c", _WITHOUT, str(refused), *words]


def carry_out(refused, *words, **variables):
    """Run it to its end."""
    environment = {**os.environ, **variables}
    return subprocess.run(
        command(refused, *words), env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def production():
    """Every module that is shipped."""
    for folder in ("replicator", "connectors"):
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if parts[-1] != "__main__" and not name.startswith(NOT_SHIPPED):
                yield name


def test_every_module_of_production_can_be_imported(refused):
    """No module needs a package that is not in the runtime's lock, nor a room that is not shipped."""
    done = carry_out(refused, "import", *sorted(production()))
    assert done.returncode == 0, done.stderr


def test_the_refusal_works(refused):
    """The test can fail: what only development has cannot be imported."""
    assert "boto3 is not in the image" in carry_out(refused, "import", "boto3").stderr


def test_help_is_shown(refused):
    """`replicator --help` needs nothing more."""
    done = carry_out(refused, "--help")
    assert done.returncode == 0, done.stderr
    assert "dead-letters" in done.stdout


def test_connectors_of_both_clouds_are_loaded(refused):
    """A configuration for real accounts is read whole, the connectors' own settings included."""
    done = carry_out(refused, "validate", "--offline", str(EXAMPLE), REPLICATOR_TOKEN="t")
    assert done.returncode == 0, done.stderr


def test_the_local_clouds_are_missed_in_one_sentence(refused):
    """What the image leaves out says so."""
    done = carry_out(refused, "local", "up")
    assert done.returncode == 2
    assert "the local clouds are not installed" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_service_runs_and_is_found_sound(refused, tmp_path):
    """It starts, passes the health check, drains on SIGTERM, and writes nowhere but beside its state."""
    here = tmp_path / "here"
    here.mkdir()
    config = tmp_path / "replicator.yaml"
    ends = {
        "source": {"connector": "memory", "table": "t"},
        "sink": {"connector": "memory", "container": "c"},
    }
    settings = {
        "state": {"path": str(tmp_path / "state" / "replicator.db")},
        "api": {"port": 0},
        "pipelines": [{"name": "orders", **ends}],
    }
    config.write_text(yaml.safe_dump(settings))
    process = subprocess.Popen(
        command(refused, "run", str(config)), cwd=here, stderr=subprocess.PIPE, text=True
    )
    try:
        lines = (json.loads(line) for line in process.stderr)
        address = next(line["address"] for line in lines if line["event"] == "service.started")
        sound = carry_out(refused, "status", "--live", "--wait", "--url", f"http://{address}")
        assert sound.returncode == 0, sound.stderr
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()
    assert not list(here.iterdir())
