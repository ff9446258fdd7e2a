"""The engine in simulated worlds: it keeps its promises in all of them, and the simulator would notice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from replicator.testing.bugs import BUGS, KINDS, SEEDS_FOR_A_BUG, seeds_of
from replicator.testing.simulator import main, run_seed

ROOT = Path(__file__).parents[2]
SEEDS = 300
SEEDS_PER_TEST = 20

KEPT = (634, 1831, 1841, 5876)
"""Seeds that found something: lists that passed over whatever came after a refused version, a barrier for
keys that did not wait for their lanes, a message that was still sent again and again after it was waived,
and one that was sent because an older look at the letters, answered late, hid that it was waived."""

TRACES = "from replicator.testing.simulator import run_seed; print([run_seed(seed).trace for seed in {}])"


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_PER_TEST))
def test_the_engine_keeps_its_promises(first):
    """Nothing unsafe happens under faults, and everything has arrived once they have ended."""
    reports = [run_seed(seed) for seed in range(first, first + SEEDS_PER_TEST)]
    assert [str(report) for report in reports if report.violations] == []


@pytest.mark.parametrize("seed", KEPT)
def test_what_was_found_once_stays_mended(seed):
    """A seed beyond the others that has failed is run ever after."""
    assert run_seed(seed).violations == ()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_worlds_are_busy(kind):
    """The seeds do kill processes and do see the gate open, so the checks have something to check."""
    reports = [run_seed(seed) for seed in seeds_of(kind, 25)]
    assert {report.kind for report in reports} == {kind.name}
    assert sum(report.starts > 1 for report in reports) > 8
    assert sum(report.gate_openings > 0 for report in reports) > 8


@pytest.mark.parametrize(
    ("kind", "bug"),
    [(kind, bug) for kind in KINDS for bug in sorted(kind.bugs)],
    ids=lambda each: getattr(each, "name", each),
)
def test_a_planted_bug_is_caught(kind, bug):
    """Some seed finds the bug, and passes without it."""
    caught = (seed for seed in seeds_of(kind, SEEDS_FOR_A_BUG) if run_seed(seed, [bug]).violations)
    assert any(not run_seed(seed).violations for seed in caught)


def test_a_bug_is_planted_into_its_own_kind_only():
    """A name of a bug is one bug, and in other worlds it changes nothing."""
    assert len(BUGS) == sum(len(kind.bugs) for kind in KINDS)
    assert run_seed(2, ["checkpoint_before_write"]).trace == run_seed(2).trace


def test_a_seed_is_the_same_world_in_any_process():
    """Neither hashes nor addresses nor earlier runs have a say in what happens."""
    seeds = [3, 4, 5, 7, 8, 18]
    outputs = {
        subprocess.run(
            [sys.executable, "-c", TRACES.format(seeds)],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hash_seed in ("0", "1", "2")
    }
    assert outputs == {str([run_seed(seed).trace for seed in seeds])}


def test_a_failing_seed_is_told_in_one_line(capsys):
    """The line of a failing seed is the command that shows it again."""
    assert main(["--seeds", "1", "--from", "0", "--bug", "checkpoint_before_write"]) == 1
    line, summary = capsys.readouterr().out.splitlines()
    assert line.startswith(
        "python -m replicator.testing.simulator --seed 0 --bug checkpoint_before_write  # the checkpoint"
    )
    assert summary == "1 seeds, 1 failed"


def test_a_seed_can_be_told_in_full(capsys):
    """One seed shows its plan, its result, and with --events everything that happened."""
    assert main(["--seed", "1", "--events"]) == 0
    told = capsys.readouterr().out
    assert "start 1" in told
    assert "Plan(" in told
