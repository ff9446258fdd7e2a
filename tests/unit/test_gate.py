"""The gate: open on proof, closed on anything unknown, with a reason for everything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from replicator.config.settings import Gate
from replicator.engine.gate import Observation, judge, reasons_of
from replicator.engine.lag import Lag
from replicator.engine.proof import BY_MARK, BY_TIME
from replicator.model.checkpoint import Phase

BOUNDS = Gate(stable_for_seconds=10.0)
LAG = Lag(0.5, 1.0, 80_000.0, 4, 4, ())
GOOD = Observation("orders", "running", Phase.COMPLETE, BY_MARK, LAG, True, 0, 0)


def test_it_opens_after_everything_held_for_the_whole_time() -> None:
    """Not at once, and not before the bound."""
    first = judge([GOOD], BOUNDS, None, 100.0)
    assert [reason.code for reason in first.reasons] == ["not_stable"]
    assert not judge([GOOD], BOUNDS, first, 109.9).can_cutover
    assert judge([GOOD], BOUNDS, first, 110.0).can_cutover


def test_one_bad_moment_starts_the_time_anew() -> None:
    """Stability is without a break."""
    clear = judge([GOOD], BOUNDS, None, 100.0)
    bad = judge([replace(GOOD, dead_letters_open=1)], BOUNDS, clear, 105.0)
    again = judge([GOOD], BOUNDS, bad, 106.0)
    assert not judge([GOOD], BOUNDS, again, 111.0).can_cutover


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"state": "paused"}, "not_running"),
        ({"state": "failed"}, "not_running"),
        ({"lag": None}, "not_connected"),
        ({"phase": Phase.ROWS}, "backfill"),
        ({"phase": Phase.END_MARK}, "backfill"),
        ({"phase": Phase.SWEEP}, "backfill"),
        ({"proof": None}, "replaying"),
        ({"lag": replace(LAG, lag_seconds=None)}, "lag_unknown"),
        ({"lag": replace(LAG, lag_seconds=5.1)}, "lag"),
        ({"lag": replace(LAG, stale=("s1",))}, "stale"),
        ({"lag": replace(LAG, retention_left_seconds=None)}, "retention_unknown"),
        ({"lag": replace(LAG, retention_left_seconds=60.0)}, "retention"),
        ({"dead_letters_open": 1}, "dead_letters"),
        ({"mismatches": None}, "not_verified"),
        ({"mismatches": 3}, "mismatches"),
    ],
)
def test_each_condition_closes_it_by_itself(change: dict[str, object], code: str) -> None:
    """Every condition of the design is a reason of its own."""
    found = reasons_of(replace(GOOD, **change), BOUNDS)
    assert [reason.code for reason in found] == [code]
    assert all(reason.text.startswith("orders: ") for reason in found)


def test_the_worst_pipeline_comes_first() -> None:
    """An operator reads from the top."""
    bad = replace(GOOD, pipeline="invoices", dead_letters_open=2, mismatches=None)
    less = replace(GOOD, pipeline="events", mismatches=None)
    verdict = judge([GOOD, less, bad], BOUNDS, None, 0.0)
    assert [reason.pipeline for reason in verdict.reasons] == ["invoices", "invoices", "events"]


def test_nothing_observed_is_not_an_open_gate() -> None:
    """An empty list proves nothing."""
    assert [reason.code for reason in judge([], BOUNDS, None, 0.0).reasons] == ["nothing_observed"]


def test_a_source_that_keeps_everything_needs_no_retention() -> None:
    """Unknown retention matters only where there is one."""
    observed = replace(GOOD, retains=False, lag=replace(LAG, retention_left_seconds=None))
    assert reasons_of(observed, BOUNDS) == []


def test_proof_by_time_is_labelled() -> None:
    """An open gate says what it rests on."""
    observed = replace(GOOD, proof=BY_TIME)
    first = judge([observed], BOUNDS, None, 0.0)
    assert "by time" in judge([observed], BOUNDS, first, 10.0).notes[0]


def test_the_steps_after_a_switch_stay_closed() -> None:
    """Without a cutover nobody may write to the sink, fail back or complete."""
    first = judge([GOOD], BOUNDS, None, 0.0)
    verdict = judge([GOOD], BOUNDS, first, 10.0)
    assert (verdict.can_write_sink, verdict.can_failback, verdict.can_complete) == (False, False, False)
