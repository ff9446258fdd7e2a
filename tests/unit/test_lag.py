"""Lag, freshness and retention: known only where they were observed."""

from __future__ import annotations

from types import SimpleNamespace

from replicator.connector import Start
from replicator.engine.lag import Lag, Partitions, measure, oldest_pending
from replicator.model.change import Batch

NOW = 1000.0


def partitions(**read_to: float | None) -> Partitions:
    known = Partitions(Start(dict.fromkeys(read_to, "0"), frozenset(read_to)))
    for name, seen in read_to.items():
        known.observe(Batch(name, [], "1", read_to=seen))
    return known


def figures(known: Partitions, *pending: tuple[str | None, float], retention: float | None = None) -> Lag:
    writes = [SimpleNamespace(partition=name, since=since) for name, since in pending]
    return measure(known, oldest_pending(writes), NOW, 10.0, retention)


def test_an_idle_fresh_pipeline_has_no_lag() -> None:
    """Zero needs both: everything read, and nothing pending."""
    assert figures(partitions(a=995.0)).lag_seconds == 0.0


def test_lag_is_the_age_of_the_oldest_pending_change() -> None:
    """The worst partition decides."""
    assert figures(partitions(a=999.0, b=999.0), ("a", 990.0), ("b", 940.0)).lag_seconds == 60.0


def test_lag_is_unknown_where_a_partition_was_never_read() -> None:
    """A child shard that nobody has read yet may hold anything."""
    assert figures(partitions(a=999.0, b=None), ("a", 999.0)).lag_seconds is None


def test_lag_is_unknown_where_a_partition_went_stale() -> None:
    """A dead reader must not look like an idle one."""
    lag = figures(partitions(a=999.0, b=900.0))
    assert (lag.lag_seconds, lag.stale, lag.partitions_fresh) == (None, ("b",), 1)


def test_a_stale_partition_with_pending_changes_has_a_known_lag() -> None:
    """While it catches up, its oldest change is in our hands."""
    assert figures(partitions(a=900.0), ("a", 890.0)).lag_seconds == 110.0


def test_without_partitions_nothing_is_known() -> None:
    """A source that shows no open partition proves nothing."""
    lag = figures(Partitions(Start({}, frozenset())))
    assert (lag.lag_seconds, lag.freshness_seconds) == (None, None)


def test_backfill_rows_are_no_lag() -> None:
    """A row is not a change; only changes have a commit time."""
    assert figures(partitions(a=999.0), (None, 0.0)).lag_seconds == 0.0


def test_freshness_is_that_of_the_stalest_partition() -> None:
    """One dead reader is enough."""
    assert figures(partitions(a=999.0, b=970.0)).freshness_seconds == 30.0


def test_retention_counts_from_the_oldest_change_still_needed() -> None:
    """What is pending, or not yet read, must not expire."""
    assert figures(partitions(a=990.0), ("a", 400.0), retention=1000.0).retention_left_seconds == 400.0
    assert figures(partitions(a=990.0), retention=1000.0).retention_left_seconds == 990.0
    assert figures(partitions(a=None), retention=1000.0).retention_left_seconds is None


def test_an_ended_partition_hands_over_to_its_children_unread() -> None:
    """A closed shard is not fresh until its children are read."""
    known = partitions(parent=999.0)
    known.observe(Batch("parent", [], "END", read_to=999.0, ended=True, opened={"c1": "0", "c2": "0"}))
    assert known.read_to == {"c1": None, "c2": None}
    assert not known.read_beyond(0.0)


def test_read_beyond_needs_every_open_partition() -> None:
    """By-time proof trusts no partition that lags behind, and no empty set."""
    assert partitions(a=999.0, b=998.0).read_beyond(997.0)
    assert not partitions(a=999.0, b=996.0).read_beyond(997.0)
    assert not Partitions(Start({}, frozenset())).read_beyond(0.0)


def test_what_was_proved_is_not_taken_back() -> None:
    """A later page that proves less leaves the proof as it was."""
    known = partitions(a=999.0)
    known.observe(Batch("a", [], "2", read_to=500.0))
    assert known.read_to == {"a": 999.0}


def test_evidence_from_before_a_call_proves_nothing_for_it() -> None:
    """After a clock was set back, what was read to a future moment is no proof of that moment."""
    known = partitions(a=5000.0)
    asked = known.observations
    assert not known.read_beyond(NOW, after=asked)
    known.observe(Batch("a", [], "2", read_to=NOW + 1))
    assert known.read_beyond(NOW, after=asked)


def test_a_partition_read_in_the_future_is_unknown() -> None:
    """A clock that was set back must not make a dead reader look fresh."""
    lag = figures(partitions(a=NOW + 3600.0))
    assert (lag.lag_seconds, lag.freshness_seconds, lag.stale) == (None, None, ("a",))
