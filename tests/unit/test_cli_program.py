"""Errors become exit statuses and sentences; light commands stay light."""

import subprocess
import sys

import pytest

from replicator.cli.exits import Exit, exit_of
from replicator.cli.messages import TRACEBACK
from replicator.cli.program import fail
from replicator.model.errors import ConfigError, InvariantError, NotNowError, ReplicatorError, StateError

HEAVY = {"fastapi", "uvicorn", "aiobotocore", "azure", "aiohttp", "asyncio", "structlog", "rich"}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError(["a"]), Exit.CONFIG),
        (StateError("a"), Exit.STATE),
        (InvariantError("a"), Exit.INTERNAL),
        (NotNowError("a"), Exit.REFUSED),
        (ReplicatorError("a"), Exit.INTERNAL),
    ],
)
def test_an_error_has_its_exit_status(error, status):
    """The status is told by the error's code."""
    assert exit_of(error) is status


def test_a_foreseen_error_is_a_sentence_and_a_hint(capsys):
    """Every problem on a line of its own, the hint after them, nothing on standard output."""
    assert fail(ConfigError(["one", "two"], hint="mend it")) == 65
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "error: one\nerror: two\nhint: mend it\n")


def test_the_cause_of_a_group_is_what_is_told(capsys):
    """A task's error of ours is not hidden by the group that brought it."""
    group = ExceptionGroup("tasks", [ValueError("x"), StateError("the disk is full")])
    assert fail(group) == 74
    assert capsys.readouterr().err == "error: the disk is full\n"


def raised():
    """An error that came from somewhere."""
    try:
        int("odd")
    except ValueError as error:
        return error
    return None


def test_an_unforeseen_error_has_a_traceback_only_on_demand(monkeypatch, capsys):
    """70 and two lines; with the variable set, where it came from."""
    monkeypatch.delenv(TRACEBACK, raising=False)
    assert fail(raised()) == 70
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv(TRACEBACK, "1")
    assert fail(raised()) == 70
    assert "Traceback" in capsys.readouterr().err


def test_a_health_check_imports_nothing_heavy():
    """`status --live` runs every few seconds in a container: no SDK, no framework, no event loop."""
    script = (
        "import sys; from replicator.cli.program import carry_out;"
        "carry_out(['status', '--live', '--url', 'http://127.0.0.1:1']); print(*sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(name.split(".")[0] for name in ran.stdout.split())
