"""The house stays as it was drawn: small files, small functions, charters, nothing that does not belong."""

import ast
import re
import subprocess
from itertools import chain
from pathlib import Path
from statistics import median, quantiles

import pytest

ROOT = Path(__file__).parents[2]
PRODUCTION = ("replicator", "connectors", "localcloud")
FILES = sorted(chain.from_iterable((ROOT / room).rglob("*.py") for room in PRODUCTION))
FILES = [path for path in FILES if "node_modules" not in path.parts]
MACHINE_PATHS = re.compile(r"/(?:work|root|home/\w+)/\w|/tmp/w\b")
# Written in two parts, so that this file is not its own offender.
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
REGISTRY_HOSTS = re.compile(
    r"(?:registry\.npmjs\.org|files\.pythonhosted\.org|pypi\.org|--index-url|proxy\.golang\.org)"
)


def length(node):
    """Lines of a function from its signature to its end, without its docstring."""
    lines = node.end_lineno - node.lineno + 1
    first = node.body[0]
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        lines -= first.end_lineno - first.lineno + 1
    return lines


def functions():
    """Every function of production with its length."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", length(node)


def tracked():
    """Every text file that is committed, except the licence and what tools lock."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    for name in listed.splitlines():
        path = ROOT / name
        if (
            path.suffix not in {".lock", ".png"}
            and name not in {"LICENSE", "tests/unit/test_style.py"}
            and path.is_file()
        ):
            yield name, path.read_text(errors="replace")


def test_no_file_is_longer_than_400_lines():
    """A longer one is two."""
    assert {str(path): lines for path in FILES if (lines := len(path.read_text().splitlines())) > 400} == {}


def test_files_are_small():
    """Half of them fit on a few screens."""
    assert median(len(path.read_text().splitlines()) for path in FILES) <= 150


def test_no_function_is_longer_than_60_lines():
    """A longer one does two things."""
    assert {name: lines for name, lines in functions() if lines > 60} == {}


def test_functions_are_small():
    """Median at most 8 lines, nine of ten at most 25."""
    lengths = [lines for _, lines in functions()]
    assert median(lengths) <= 8
    assert quantiles(lengths, n=10)[-1] <= 25


@pytest.mark.parametrize("room", PRODUCTION)
def test_every_package_has_a_charter(room):
    """Its docstring says what belongs there."""
    packages = [
        path for path in FILES if path.name == "__init__.py" and path.relative_to(ROOT).parts[0] == room
    ]
    assert packages
    assert [str(path) for path in packages if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_nothing_is_left_to_do():
    """What is not finished is not committed."""
    assert {name: found[0] for name, text in tracked() if (found := UNFINISHED.findall(text))} == {}


def test_no_path_of_a_machine_is_committed():
    """It means nothing anywhere else."""
    assert {name: found[0] for name, text in tracked() if (found := MACHINE_PATHS.findall(text))} == {}


def test_no_registry_is_committed():
    """Where packages come from is the machine's choice."""
    assert {name: found[0] for name, text in tracked() if (found := REGISTRY_HOSTS.findall(text))} == {}


def test_locks_name_no_registry():
    """Nor do the lock files."""
    locks = [*ROOT.glob("requirements/*.lock"), ROOT / "localcloud/package-lock.json"]
    assert [lock.name for lock in locks if REGISTRY_HOSTS.search(lock.read_text())] == []
