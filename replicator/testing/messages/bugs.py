"""Bugs of pipelines of messages, each a small patch onto one pipeline before it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any

from replicator.engine.messages import MessagePipeline
from replicator.engine.tracker import Ticket
from replicator.model.change import Batch, Change
from replicator.model.errors import ReplicatorError
from replicator.model.key import Key
from replicator.model.record import Message
from replicator.stores import DeadLetter
from replicator.testing.planting import patch
from replicator.testing.world import Plants


def message_deleted_before_the_sink_confirmed(pipeline: MessagePipeline) -> None:
    """A message counts as moved when it is read."""
    submit = pipeline._submit  # noqa: SLF001 - the bug sits inside

    def submit_settled(batch: Batch, ticket: Ticket) -> None:
        submit(batch, Ticket(len(batch.changes), lambda: None))
        for _ in batch.changes:
            ticket.resolve()

    patch(pipeline, _submit=submit_settled)


def group_goes_on_behind_a_dead_letter(pipeline: MessagePipeline) -> None:
    """No group is ever stopped."""
    patch(pipeline.mover.groups, is_stopped=lambda _change: False)


def stopped_groups_forgotten(pipeline: MessagePipeline) -> None:
    """A new process does not know of the dead letters of the one before."""
    load = pipeline.mover.groups.load
    calls = count()

    def load_later(letters: Iterable[DeadLetter]) -> None:
        if next(calls):
            load(letters)

    patch(pipeline.mover.groups, load=load_later)


def group_sent_in_parallel(pipeline: MessagePipeline) -> None:
    """The messages of one batch are sent beside each other, whatever their group."""

    def runs(changes: Iterable[Change]) -> Iterator[list[Change]]:
        yield from ([change] for change in changes)

    patch(pipeline.mover, _runs=runs)


def resent_under_a_new_id(pipeline: MessagePipeline) -> None:
    """Every call gives its messages ids of its own."""
    sink: Any = pipeline.sink
    write, calls = sink.inner.write, count()

    async def write_renamed(changes: Sequence[Change]) -> None:
        number = next(calls)
        await write([_renamed(change, number) for change in changes])

    patch(sink.inner, write=write_renamed)


def waived_message_sent_after_all(pipeline: MessagePipeline) -> None:
    """A message that comes again is sent, although it was waived."""

    async def find_waived(_keys: Sequence[Key]) -> frozenset[Key]:
        return frozenset()

    patch(pipeline.morgue, find_waived=find_waived)


def letters_settled_in_any_order(pipeline: MessagePipeline) -> None:
    """A dead letter is replayed although an earlier one of its group is open."""

    async def first_of_group(_letter: DeadLetter) -> None:
        return None

    patch(pipeline, _first_of_group=first_of_group)


def dead_letter_not_kept(pipeline: MessagePipeline) -> None:
    """What is refused is logged, and gone."""

    async def refuse(_refused: Sequence[tuple[Change, ReplicatorError]]) -> None:
        return None

    patch(pipeline.morgue, refuse=refuse)


def held_queue_is_read(pipeline: MessagePipeline) -> None:
    """The mode is not looked at before reading."""
    patch(pipeline, _read_if_moving=pipeline._read_forever)  # noqa: SLF001 - the bug sits inside


def lag_without_what_is_in_hand(pipeline: MessagePipeline) -> None:
    """The lag is that of what has not been read."""
    patch(pipeline, oldest_pending=dict)


MESSAGE_BUGS: Plants = {
    bug.__name__: bug
    for bug in (
        message_deleted_before_the_sink_confirmed,
        group_goes_on_behind_a_dead_letter,
        stopped_groups_forgotten,
        group_sent_in_parallel,
        resent_under_a_new_id,
        waived_message_sent_after_all,
        letters_settled_in_any_order,
        dead_letter_not_kept,
        held_queue_is_read,
        lag_without_what_is_in_hand,
    )
}
"""Every bug by its name."""


def _renamed(change: Change, number: int) -> Change:
    record = change.record
    if not isinstance(record, Message):
        return change
    return change._replace(record=record._replace(id=f"{record.id}-{number}"))
