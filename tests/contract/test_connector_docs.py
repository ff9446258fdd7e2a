"""The connector guide and the list of promises say what is so."""

import re
from pathlib import Path
from textwrap import indent

import pytest

from replicator.testing import (
    message_sink_contract,
    message_source_contract,
    object_sink_contract,
    object_source_contract,
    sink_contract,
    source_contract,
)

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
TESTS = (REPOSITORY / "tests" / "contract", REPOSITORY / "examples" / "connector-sqlite" / "tests")
GUIDE = (DOCS / "connectors.md").read_text()
SPEC = (DOCS / "spec" / "connector.md").read_text()

EXCERPT = re.compile(r"^From \[`([^`]+)`\]\(([^)]+)\):\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROMISE = re.compile(r"^\| ([SKAEOM])(\d+) \|.*\| ([^|]+) \|$", re.MULTILINE)
HOLDER = re.compile(r"`(\w+)\.(\w+)`")


def test_every_code_block_is_an_excerpt():
    """The guide has no code of its own."""
    assert len(EXCERPT.findall(GUIDE)) == GUIDE.count("```") // 2 > 5


@pytest.mark.parametrize(("name", "path", "block"), EXCERPT.findall(GUIDE))
def test_an_excerpt_is_verbatim(name, path, block):
    """What the guide quotes is in the file that it names, word for word, whatever its indentation."""
    file = DOCS / path
    assert file.name == name
    assert any(indent(block, margin) in file.read_text() for margin in ("", "    "))


@pytest.mark.parametrize("text", [GUIDE, SPEC], ids=["guide", "spec"])
def test_links_lead_somewhere(text):
    """Every link into the repository names something that is there."""
    start = DOCS if text is GUIDE else DOCS / "spec"
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert (start / link).exists(), link


def test_promises_are_numbered_without_gaps():
    """Each letter counts from 1, and no number is given twice."""
    numbers = {}
    for letter, number, _ in PROMISE.findall(SPEC):
        numbers.setdefault(letter, []).append(int(number))
    assert list(numbers) == ["S", "K", "A", "O", "M", "E"]
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def test_the_guide_names_promises_that_exist():
    """A number in the guide is one of the list."""
    promised = {letter + number for letter, number, _ in PROMISE.findall(SPEC)}
    assert set(re.findall(r"\b[SKAEOM]\d+\b", GUIDE)) <= promised


def test_every_promise_is_held_by_something():
    """Each promise names a check or a test, and each of those is there."""
    for letter, number, held_by in PROMISE.findall(SPEC):
        holders = HOLDER.findall(held_by)
        assert holders, letter + number
        assert all(exists(*holder) for holder in holders), holders


def test_every_exported_check_holds_a_promise():
    """No check is missing in the list, and each is there once."""
    held = [holder for *_, held_by in PROMISE.findall(SPEC) for holder in HOLDER.findall(held_by)]
    listed = sorted(holder for holder in held if holder[0] in CONTRACTS)
    assert listed == sorted((name, check) for name, checks in CONTRACTS.items() for check in checks)


CONTRACTS = {
    contract.__name__.rpartition(".")[2]: [check.__name__ for check in contract.CHECKS]
    for contract in (
        source_contract,
        sink_contract,
        object_source_contract,
        object_sink_contract,
        message_source_contract,
        message_sink_contract,
    )
}


def exists(module, name):
    """Whether there is such a check, or such a test of ours or of the example."""
    if module in CONTRACTS:
        return name in CONTRACTS[module]
    files = [directory / f"{module}.py" for directory in TESTS]
    return any(f"def {name}(" in file.read_text() for file in files if file.exists())
