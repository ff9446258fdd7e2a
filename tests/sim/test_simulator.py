"""The engine in simulated worlds: it keeps its promises in all of them, and the simulator would notice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from replicator.testing.bugs import BUGS
from replicator.testing.simulator import main, run_seed

ROOT = Path(__file__).parents[2]
SEEDS_PER_TEST = 20
SEEDS_FOR_A_BUG = 500

TRACES = "from replicator.testing.simulator import run_seed; print([run_seed(seed).trace for seed in {}])"


@pytest.mark.parametrize("first", range(0, 300, SEEDS_PER_TEST))
def test_the_engine_keeps_its_promises(first):
    """Nothing unsafe happens under faults, and both sides become equal once they have ended."""
    reports = [run_seed(seed) for seed in range(first, first + SEEDS_PER_TEST)]
    assert [str(report) for report in reports if report.violations] == []


def test_the_worlds_are_busy():
    """The seeds do kill processes and do see the gate open, so the checks have something to check."""
    reports = [run_seed(seed) for seed in range(30)]
    assert sum(report.starts > 1 for report in reports) > 10
    assert sum(report.gate_openings > 0 for report in reports) > 10


@pytest.mark.parametrize("bug", sorted(BUGS))
def test_a_planted_bug_is_caught(bug):
    """Some seed finds the bug, and passes without it."""
    caught = (seed for seed in range(SEEDS_FOR_A_BUG) if run_seed(seed, [bug]).violations)
    assert any(not run_seed(seed).violations for seed in caught)


def test_a_seed_is_the_same_world_in_any_process():
    """Neither hashes nor addresses nor earlier runs have a say in what happens."""
    seeds = [3, 5, 8, 13]
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
    assert main(["--seeds", "1", "--from", "1", "--bug", "checkpoint_before_write"]) == 1
    line, summary = capsys.readouterr().out.splitlines()
    assert line.startswith(
        "python -m replicator.testing.simulator --seed 1 --bug checkpoint_before_write  # the checkpoint"
    )
    assert summary == "1 seeds, 1 failed"


def test_a_seed_can_be_told_in_full(capsys):
    """One seed shows its plan, its result, and with --events everything that happened."""
    assert main(["--seed", "1", "--events"]) == 0
    told = capsys.readouterr().out
    assert "start 1" in told
    assert "Plan(" in told
