"""The container image: what the Dockerfile says, held to the locks, the command line and the tree."""

import json
import re
import shlex
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import typer

from replicator.cli.options import URL
from replicator.cli.program import program
from replicator.config.settings import Api

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NOT_SHIPPED = ("replicator/testing/", "replicator/demo/")


def instructions():
    """Instruction and arguments, in order, continuation lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def arguments(name):
    """The arguments of every instruction of this name."""
    return [rest for instruction, rest in instructions() if instruction == name]


def copied():
    """What is copied out of the build context."""
    sources = (shlex.split(rest)[:-1] for rest in arguments("COPY") if "--from=" not in rest)
    return [source.rstrip("/") for words in sources for source in words]


def ignored(path):
    """Whether .dockerignore keeps the path out; the last pattern that matches it or a parent decides."""
    verdict = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").strip().rstrip("/")
        if pattern and not pattern.startswith("#") and _matches(pattern, Path(path)):
            verdict = not line.startswith("!")
    return verdict


def _matches(pattern, path):
    parts = re.split(r"(\*\*/|\*)", pattern)
    wild = {"**/": "(?:.*/)?", "*": "[^/]*"}
    expression = "".join(wild.get(part, re.escape(part)) for part in parts)
    names = [path.as_posix(), *(parent.as_posix() for parent in path.parents if parent.name)]
    return any(re.fullmatch(expression, name) for name in names)


def locked(name):
    """Project to version in a lock file; every one of them has a hash."""
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements" / name).read_text())
    pinned = [entry for entry in entries if not entry.startswith("#")]
    assert all("--hash=sha256:" in entry for entry in pinned)
    return dict(re.match(r"([\w.-]+)==([^\s;]+)", entry).groups() for entry in pinned)


def required(requirements):
    """The projects that requirements name."""
    return {re.match(r"[\w.-]+", requirement)[0] for requirement in requirements}


def test_everything_copied_exists_and_is_sent():
    """Each source of a COPY is in the tree, and .dockerignore does not keep it out."""
    assert copied()
    for source in copied():
        assert (ROOT / source).exists(), source
        assert not ignored(source), source


def test_the_whole_package_is_sent_and_nothing_else():
    """Every module and data file of production goes in; testing, demonstration and local clouds do not."""
    for folder in ("replicator", "connectors"):
        for path in (ROOT / folder).rglob("*"):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in {".py", ".sql", ".typed"}:
                assert ignored(name) == name.startswith(NOT_SHIPPED), name
    for outside in ("localcloud/__init__.py", ".git/config", "tests/conftest.py", "run/replicator.db"):
        assert ignored(outside)


def test_dependencies_come_from_the_locks_with_hashes():
    """Every installation checks hashes; only our own wheel has none, and takes nothing from elsewhere."""
    installs = [part for run in arguments("RUN") for part in run.split("&&") if "-m pip" in part]
    assert sum("runtime.lock" in part for part in installs) == 1
    for part in installs:
        words = set(shlex.split(part))
        assert words >= {"--require-hashes", "--only-binary"} or words >= {"--no-deps", "--no-index"}, part
        assert not {"dev.lock", "replicator[local]"} & words


def test_the_locks_have_what_the_project_asks_for():
    """The runtime's and the build's requirements are locked, at the versions that the tests run with."""
    runtime, build, dev = locked("runtime.lock"), locked("build.lock"), locked("dev.lock")
    assert required(PROJECT["project"]["dependencies"]) <= runtime.keys()
    assert required(PROJECT["build-system"]["requires"]) <= build.keys()
    assert {**runtime, **build}.items() <= dev.items()


def test_the_user_is_a_number_and_not_root():
    """Kubernetes can prove from the image that it does not run as root."""
    user, group = arguments("USER")[-1].split(":")
    assert int(user) > 0
    assert int(group) > 0


@pytest.mark.parametrize("instruction", ["HEALTHCHECK", "CMD"])
def test_commands_are_understood_by_the_command_line(instruction):
    """The health check and the default command name verbs and options that exist."""
    words = json.loads(re.search(r"\[.*\]$", arguments(instruction)[-1])[0])
    if instruction == "HEALTHCHECK":
        assert words.pop(0) == "replicator"
    verb, *rest = words
    command = typer.main.get_command(program).commands[verb]
    given = command.make_context(verb, rest).params
    assert given.get("live", True)


def test_the_entry_point_is_the_console_script():
    """The image runs what the package installs."""
    assert json.loads(arguments("ENTRYPOINT")[-1]) == ["replicator"]
    assert "replicator" in PROJECT["project"]["scripts"]


def test_the_port_is_the_one_that_everyone_expects():
    """The exposed port, the default of the configuration and that of the health check agree."""
    assert int(arguments("EXPOSE")[-1]) == Api().port == urlsplit(URL).port


def test_the_stop_signal_is_the_one_that_drains():
    """An engine that stops the container asks for the orderly end."""
    assert arguments("STOPSIGNAL") == ["SIGTERM"]


def test_the_label_has_the_version_of_the_project():
    """An image that is built without arguments names the right version."""
    assert f"VERSION={PROJECT['project']['version']}" in arguments("ARG")
