"""What the README tells a newcomer to type exists and works."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from replicator.cli.program import program

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
LINES = [line.split(" #")[0].strip() for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
COMMANDS = [part for line in LINES for part in re.split(r" && | \| ", line) if part]


def commands(program_name):
    """The arguments of every command of the README that runs a program."""
    return [words[1:] for words in map(shlex.split, COMMANDS) if words[0] == program_name]


@pytest.fixture(scope="module")
def targets():
    """The targets of the Makefile."""
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_first_two_commands_are_demo_and_test():
    """A newcomer meets them before anything else."""
    assert [line.split()[:2] for line in LINES[:2]] == [["make", "demo"], ["make", "test"]]


def test_make_targets_exist(targets):
    """Every `make …` of the README, also in prose, is a target."""
    named = set(re.findall(r"`?make ([a-z]+)", README))
    assert named
    assert named <= targets


def test_verbs_and_options_exist():
    """Every `replicator …` is a verb with the options that are shown."""
    verbs = commands("replicator")
    assert verbs
    for arguments in verbs:
        command = get_command(program)
        while hasattr(command, "commands"):
            assert arguments[0] in command.commands
            command, arguments = command.commands[arguments[0]], arguments[1:]
        known = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in arguments if word.startswith("--")} <= known


def test_links_lead_to_files():
    """No link of the README leads nowhere."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_configuration_is_valid(tmp_path, monkeypatch):
    """The configuration of the quick start is one."""
    from replicator.config import load

    (text,) = [text for kind, text in BLOCKS if kind == "yaml"]
    config = tmp_path / "shop.yaml"
    config.write_text(text)
    monkeypatch.setenv("REPLICATOR_TOKEN", "secret")
    monkeypatch.setenv("COSMOS_ENDPOINT", "http://127.0.0.1:1/")
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "UseDevelopmentStorage=true")
    monkeypatch.setenv(
        "SERVICEBUS_CONNECTION_STRING", "Endpoint=sb://127.0.0.1:1;UseDevelopmentEmulator=true"
    )
    names = [pipeline.name for pipeline in load(config, os.environ).pipelines]
    assert names == ["orders", "invoices", "steps"]


@pytest.mark.slow
def test_demonstration_tells_its_story(tmp_path):
    """A short one ends well, says so, and leaves no process behind."""
    demo = subprocess.run(
        [sys.executable, "-m", "replicator.demo", "--share", "0.06", "--directory", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "Nothing is missing, nothing differs, nothing is extra." in demo.stdout
    assert "kill -9 in the middle" in demo.stdout
    for end in ("Cosmos DB", "Blob Storage", "Service Bus", "Service Bus sessions"):
        assert f"│ {end} " in demo.stdout
    assert left_running(tmp_path) == []


def left_running(directory):
    """Command lines of processes that still work in a directory."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(directory) in line and "pytest" not in line.split(str(directory))[0]:
            lines.append(line)
    return lines
