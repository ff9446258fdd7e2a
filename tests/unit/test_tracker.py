"""The tracker: only a gapless prefix of what was read is durable."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from replicator.connector import Start
from replicator.engine.tracker import Ticket, Tracker
from replicator.model.change import Batch, Change, Kind


def batch(partition: str, position: str, changes: int = 1, **more: object) -> Batch:
    keys = [(Decimal(number),) for number in range(changes)]
    return Batch(partition, [Change(Kind.DELETE, key, None, 0.0) for key in keys], position, **more)


def tracker(**positions: str) -> Tracker:
    return Tracker(Start(positions, frozenset(positions)))


def test_a_durable_batch_behind_a_pending_one_moves_nothing() -> None:
    """The position stays where it is until everything read before is durable, too."""
    tracked = tracker(a="0")
    first, second = tracked.track(batch("a", "1")), tracked.track(batch("a", "2"))
    second.resolve()
    assert tracked.durable_positions == {"a": "0"}
    first.resolve()
    assert tracked.durable_positions == {"a": "2"}


def test_a_child_never_gets_ahead_of_its_parent() -> None:
    """A child's position is not durable while a change of its parent is pending."""
    tracked = tracker(parent="0")
    parent = tracked.track(batch("parent", "END", ended=True, opened={"child": "START"}))
    child = tracked.track(batch("child", "5"))
    child.resolve()
    assert tracked.durable_positions == {"parent": "0"}
    parent.resolve()
    assert tracked.durable_positions == {"parent": "END", "child": "5"}


def test_an_empty_batch_advances_at_once() -> None:
    """A page without changes moves the position when nothing before it is pending."""
    tracked = tracker(a="0")
    tracked.track(batch("a", "1", changes=0))
    assert (tracked.durable, tracked.durable_positions) == (1, {"a": "1"})


def test_batches_without_changes_take_no_room_behind_a_stuck_change() -> None:
    """A quiet source may go on for days while one change cannot be written."""
    tracked = tracker(a="0", b="0")
    stuck = tracked.track(batch("a", "1"))
    for number in range(1000):
        tracked.track(batch("b", str(number), changes=0))
    assert len(tracked._sequence) == 1
    assert tracked.durable_positions == {"a": "0", "b": "0"}
    stuck.resolve()
    assert (tracked.durable, tracked.durable_positions) == (1001, {"a": "1", "b": "999"})


def test_forgotten_partitions_leave_the_checkpoint() -> None:
    """A partition that the source forgets is dropped from what is saved."""
    tracked = tracker(a="0", b="END")
    tracked.track(batch("a", "1", changes=0, forgotten=("b",)))
    assert tracked.durable_positions == {"a": "1"}


def test_rebase_adds_only_partitions_that_were_never_read() -> None:
    """A reconnect must not turn a read position into a durable one."""
    tracked = tracker(parent="0")
    tracked.track(batch("parent", "END", ended=True, opened={"child": "START"}))
    tracked.track(batch("child", "5"))
    tracked.rebase(Start({"parent": "END", "child": "5", "new": "START"}, frozenset({"child", "new"})))
    assert tracked.durable_positions == {"parent": "0", "new": "START"}
    assert tracked.read_positions == {"parent": "END", "child": "5", "new": "START"}


def test_pending_counts_follow_the_prefix() -> None:
    """What bounds reading is everything behind the durable prefix."""
    tracked = tracker(a="0")
    first = tracked.track(batch("a", "1", changes=2, size_bytes=10))
    assert (tracked.changes_pending, tracked.bytes_pending) == (2, 10)
    first.resolve()
    first.resolve()
    assert (tracked.changes_pending, tracked.bytes_pending) == (0, 0)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_the_durable_count_is_the_longest_resolved_prefix(sizes: list[int], order: object) -> None:
    """Whatever the order of confirmations, durable is the first gap."""
    tracked = tracker(a="0")
    tickets = [tracked.track(batch("a", str(n + 1), changes=size)) for n, size in enumerate(sizes)]
    left = list(sizes)
    pending = [n for n, size in enumerate(sizes) for _ in range(size)]
    order.shuffle(pending)  # type: ignore[attr-defined]
    for n in pending:
        tickets[n].resolve()
        left[n] -= 1
        expected = next((index for index, size in enumerate(left) if size), len(left))
        assert tracked.durable == expected
        assert tracked.durable_positions["a"] == str(expected)


def test_a_ticket_is_done_once_and_only_at_zero() -> None:
    """The countdown calls back exactly when its last write is resolved."""
    calls: list[int] = []
    ticket = Ticket(2, lambda: calls.append(1))
    ticket.resolve()
    assert calls == []
    ticket.resolve()
    assert calls == [1]
