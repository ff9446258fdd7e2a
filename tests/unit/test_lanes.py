"""Lanes: one write of a key at a time, the newest state, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from replicator.engine.lanes import CHANGE, RESTORE, ROW, Lanes, Slot
from replicator.engine.tracker import Ticket
from replicator.model.change import Change, Kind
from replicator.model.record import Item


@dataclass(frozen=True)
class Named:
    """An operation as the lanes see it."""

    name: str
    rank: int

    async def perform(self, changes: Sequence[Change]) -> None:
        """Never called here."""


DELTA = Named("apply", CHANGE)
INSERT = Named("insert", ROW)


RESTORING = Named("restore", RESTORE)


class Desk:
    """Lanes with what they offered and what was resolved."""

    def __init__(self) -> None:
        self.offered: list[Slot] = []
        self.resolved: list[str] = []
        self.lanes = Lanes(lambda key: key[0], self.offered.append)

    def put(self, operation: Named, group: str, key: str, value: str, name: str = "") -> None:
        item = Item({"v": {"S": value}})
        ticket = Ticket(1, lambda: self.resolved.append(name or value))
        self.lanes.submit(operation, [Change(Kind.UPSERT, (group, key), item, 0.0)], ticket, "p")

    def take(self, changes_max: int = 100) -> list[str]:
        """The values now under way for the next offered slot; what was under way before is freed."""
        taken = self.lanes.take(self.offered.pop(0), changes_max)
        self.taken = taken
        return [lane.writing.change.record.attributes["v"]["S"] for lane in taken]

    def finish(self) -> None:
        for lane in self.taken:
            lane.writing.resolve()
        self.lanes.release(self.taken)


def test_a_key_is_written_by_one_call_at_a_time() -> None:
    """While a key's write is under way, its next one is not offered."""
    desk = Desk()
    desk.put(DELTA, "g", "k", "1")
    assert desk.take() == ["1"]
    desk.put(DELTA, "g", "k", "2")
    assert desk.offered == []
    desk.finish()
    assert desk.take() == ["2"]


def test_waiting_changes_of_a_key_are_written_once_in_their_latest_state() -> None:
    """The newest state resolves all that waited."""
    desk = Desk()
    for value in ("1", "2", "3"):
        desk.put(DELTA, "g", "k", value)
    assert desk.take() == ["3"]
    desk.finish()
    assert sorted(desk.resolved) == ["1", "2", "3"]
    assert len(desk.lanes) == 0


def test_a_delta_change_supersedes_a_waiting_row() -> None:
    """A backfill row behind which a change arrives is never written."""
    desk = Desk()
    desk.put(INSERT, "g", "k", "row")
    desk.put(DELTA, "g", "k", "delta")
    assert desk.take() == []  # the row's slot finds its lane promoted
    assert desk.take() == ["delta"]
    desk.finish()
    assert sorted(desk.resolved) == ["delta", "row"]


def test_a_row_never_supersedes_a_waiting_change() -> None:
    """A row that arrives behind a change waits for that change and is not written."""
    desk = Desk()
    desk.put(DELTA, "g", "k", "delta")
    desk.put(INSERT, "g", "k", "row")
    assert desk.take() == ["delta"]
    desk.finish()
    assert sorted(desk.resolved) == ["delta", "row"]


def test_a_row_never_takes_the_place_of_a_restore() -> None:
    """A row may find nothing to do, and then a replay or repair would be lost unseen."""
    desk = Desk()
    desk.put(RESTORING, "g", "k", "restore")
    desk.put(INSERT, "g", "k", "row")
    assert desk.take() == ["restore"]
    desk.finish()
    assert sorted(desk.resolved) == ["restore", "row"]


def test_a_row_behind_a_change_under_way_waits_its_turn() -> None:
    """What is under way is not replaced; the row follows it."""
    desk = Desk()
    desk.put(DELTA, "g", "k", "delta")
    desk.take()
    desk.put(INSERT, "g", "k", "row")
    desk.finish()
    assert desk.take() == ["row"]


def test_keys_of_a_group_share_a_call_up_to_the_maximum() -> None:
    """A full call is cut from the group and the rest is offered again."""
    desk = Desk()
    for key in "abcde":
        desk.put(DELTA, "g", key, key)
    assert desk.take(changes_max=3) == ["a", "b", "c"]
    assert desk.take() == ["d", "e"]


def test_groups_take_turns() -> None:
    """A group with much to do does not keep another one waiting."""
    desk = Desk()
    for key in "abcd":
        desk.put(DELTA, "big", key, key)
    desk.put(DELTA, "small", "z", "z")
    assert desk.take(changes_max=2) == ["a", "b"]
    assert desk.take(changes_max=2) == ["z"]
    assert desk.take(changes_max=2) == ["c", "d"]


def test_pending_keeps_the_oldest_commit_time_of_merged_changes() -> None:
    """Lag is measured from the oldest change of a key that is not durable."""
    desk = Desk()
    ticket = Ticket(2, lambda: None)
    changes = [Change(Kind.DELETE, ("g", "k"), None, at) for at in (5.0, 9.0)]
    desk.lanes.submit(DELTA, changes, ticket, "p")
    assert [(write.since, write.partition) for write in desk.lanes.pending()] == [(5.0, "p")]
