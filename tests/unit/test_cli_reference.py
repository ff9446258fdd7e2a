"""What is written about commands and errors is what they are."""

import importlib
import pkgutil
from pathlib import Path

import replicator
from replicator.cli import reference
from replicator.cli.exits import MEANINGS, Exit
from replicator.model.errors import ReplicatorError

ROOT = Path(__file__).parents[2]
NOT_OURS = ("replicator.testing", "replicator.demo", "replicator.cli.__main__")
ANSWERED_ONLY = {"bad_request"}
"""Codes of answers that are no error of ours before."""


def codes():
    """The code of every error that production code can raise."""
    for module in pkgutil.walk_packages(replicator.__path__, "replicator."):
        if not module.name.startswith(NOT_OURS):
            importlib.import_module(module.name)
    pending, found = [ReplicatorError], set()
    while pending:
        kind = pending.pop()
        pending.extend(kind.__subclasses__())
        if kind.__module__.startswith("replicator.") and not kind.__module__.startswith(NOT_OURS):
            found.add(kind.code)
    return found | ANSWERED_ONLY


def test_every_error_code_has_a_runbook_page_and_every_page_a_code():
    """Pages and codes are the same, and the index has them all."""
    pages = {page.stem for page in (ROOT / "docs/runbook").glob("*.md")} - {"README"}
    assert pages == codes()
    index = (ROOT / "docs/runbook/README.md").read_text()
    assert all(f"[`{page}`]({page}.md)" in index for page in pages)


def test_every_runbook_page_says_what_to_look_at_and_what_to_do():
    """A page has its code as its title and both sections."""
    for code in codes():
        text = (ROOT / f"docs/runbook/{code}.md").read_text()
        assert text.startswith(f"# `{code}`\n\n"), code
        assert "\n## What to look at\n" in text, code
        assert "\n## What to do\n" in text, code


def test_the_command_reference_is_current():
    """docs/cli.md is what the commands say of themselves."""
    assert (ROOT / reference.PATH).read_text(encoding="utf-8") == reference.document()


def test_every_exit_status_has_a_meaning():
    """The table is complete."""
    assert MEANINGS.keys() == set(Exit)
