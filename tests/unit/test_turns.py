"""Turns: changes first, and rows never starved."""

from __future__ import annotations

from replicator.engine.turns import Turns


async def test_changes_go_before_rows() -> None:
    """A change that was offered later is written earlier."""
    turns = Turns()
    turns.offer(("insert", "g"), urgent=False)
    turns.offer(("apply", "g"), urgent=True)
    assert [await turns.take() for _ in range(2)] == [("apply", "g"), ("insert", "g")]


async def test_every_fourth_turn_is_a_row_s() -> None:
    """A delta that never pauses leaves a quarter of the turns to the backfill."""
    turns = Turns()
    for number in range(8):
        turns.offer(("apply", number), urgent=True)
        turns.offer(("insert", number), urgent=False)
    taken = [(await turns.take())[0] for _ in range(8)]
    assert taken.count("insert") == 2


async def test_one_kind_alone_takes_every_turn() -> None:
    """Without the other kind nobody waits for it."""
    turns = Turns()
    for number in range(5):
        turns.offer(("insert", number), urgent=False)
    assert [(await turns.take())[1] for _ in range(5)] == [0, 1, 2, 3, 4]
