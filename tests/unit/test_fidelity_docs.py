"""Every fact that is listed as dealt with is held by tests that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/spec/fidelity.md").read_text()
ROWS = re.findall(r"^\| (?!fact|-)(.*?) \| .* \| ([^|]+) \|$", TEXT, re.MULTILINE)


def test_the_list_is_read():
    """Both pairs are in it."""
    assert len(ROWS) > 20


@pytest.mark.parametrize(("fact", "held_by"), ROWS, ids=[fact[:40] for fact, _ in ROWS])
def test_a_fact_is_held_by_tests_that_are_there(fact, held_by):
    """Each row names at least one test, and each of those exists."""
    named = re.findall(r"`(\w+)\.(\w+)`", held_by)
    assert named, fact
    for module, name in named:
        (file,) = (ROOT / "tests").rglob(f"{module}.py")
        assert f"def {name}(" in file.read_text(), f"{module}.{name}"


@pytest.mark.parametrize("page", ["docs/fidelity.md", "docs/spec/fidelity.md"])
def test_links_lead_somewhere(page):
    """What the pages refer to is in the repository."""
    path = ROOT / page
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text()):
        assert (path.parent / link).exists(), link
