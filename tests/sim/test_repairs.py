"""Conditional writes of two processes: both sides are equal in the end, and the checker would notice."""

import pytest

from replicator.testing.bugs import SEEDS_FOR_A_BUG
from replicator.testing.repair_bugs import REPAIR_BUGS
from replicator.testing.repairs import run_repairs

SEEDS = 200


def test_what_two_processes_repair_is_equal_in_the_end():
    """Whatever befalls their calls, no repair that was done leaves a difference behind."""
    reports = [run_repairs(seed) for seed in range(SEEDS)]
    assert [report for report in reports if report.violations] == []
    assert sum(report.effects for report in reports) > 10 * SEEDS
    assert all(sum(report.fates[fate] for report in reports) > 100 for fate in ("late", "reset", "lost"))


@pytest.mark.parametrize("bug", sorted(REPAIR_BUGS))
def test_a_planted_bug_is_caught(bug):
    """Some seed finds the bug, and passes without it."""
    caught = (seed for seed in range(SEEDS_FOR_A_BUG) if run_repairs(seed, [bug]).violations)
    assert any(not run_repairs(seed).violations for seed in caught)
