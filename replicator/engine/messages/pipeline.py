"""The pipeline of messages, on one page.

    source.read → tracker.track → mover (in order, per group) → sink.write
                                        │ durable
    source.commit ◀────────── tracker ◀─┘    at once: a queue gives out no more of a group before

A queue is taken from by reading it. So while its consumers are still at the source it is held: nothing is
read, what waits in it is known, and the sink is tried. A bridged queue is moved all the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from replicator.engine.lag import oldest_by_partition
from replicator.engine.messages.groups import group_of, place_in_group
from replicator.engine.messages.mover import Mover
from replicator.engine.messages.watch import Watch
from replicator.engine.parts import Parts, QueueMode, message_sink
from replicator.engine.pipeline import Pipeline
from replicator.engine.tracker import Ticket
from replicator.model.change import Batch, Change, Kind, Positions
from replicator.model.errors import NotNowError, PermanentError
from replicator.model.key import Key
from replicator.stores import Claim, DeadLetter

LETTERS_MAX = 1000


class MessagePipeline(Pipeline):
    """A pipeline of messages.

    Attributes:
        mode: ``hold`` or ``bridge``.
        watch: what is known of the two ends without moving anything.
    """

    def __init__(self, parts: Parts) -> None:
        self.source, self.sink = parts.source, message_sink(parts)
        super().__init__(parts, self.source, self.sink)
        self.mode: QueueMode = parts.mode or "hold"
        self.mover = Mover(
            self.sink, self.limits, self.sink_calls, self.retrier, self.morgue, parts.clock, self.written
        )
        self.watch = Watch(self.source, self.sink, self.retrier, parts.clock)
        self._moves: dict[asyncio.Task[None], tuple[str, float]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._committed: Positions = {}
        self._to_commit = asyncio.Event()

    async def applied(self) -> str:
        """Return, with how it is proved, once everything sent before this call is at the sink.

        Raises:
            NotNowError: the queue is held, so nothing is moved.
        """
        if self.mode == "hold":
            raise NotNowError(
                f"{self.parts.name} is held: its messages stay at the source",
                hint="A barrier needs a queue that is moved: mode bridge.",
            )
        return await self.proofs.applied()

    async def applied_to(self, keys: Sequence[Key]) -> str:
        """A message cannot be read by its key.

        Raises:
            NotNowError: always.
        """
        raise NotNowError(
            f"{self.parts.name} moves messages, which cannot be read by key ({len(keys)} given)",
            hint="Ask for the barrier without keys.",
        )

    async def replay(self, letter: DeadLetter) -> bool:
        """Send the message that the letter holds; False where the sink refuses it again.

        Raises:
            NotNowError: an earlier message of its group is a dead letter, too.
        """
        first = await self._first_of_group(letter)
        if first is not None and first.id != letter.id:
            raise NotNowError(
                f"dead letter {first.id} holds an earlier message of the same group",
                hint="Settle the letters of a group in the order in which they were sent.",
            )
        change = Change(Kind.UPSERT, letter.key, letter.record, letter.committed_at)
        return await self.mover.resend(change) is None

    async def recount(self) -> None:
        """Count the open dead letters again; groups that have none any more go on."""
        await self.morgue.refresh()
        await self.morgue.look_for_waived()
        await self.mover.reload(self._open_letters)

    def oldest_pending(self) -> Mapping[str, float]:
        """Partition to the time when the oldest message in hand was sent."""
        return oldest_by_partition(self._moves.values())

    @property
    def has_barrier(self) -> bool:
        """Whether it carries end messages; of a queue that is held ``applied`` says what is the matter."""
        return self.mode == "hold" or super().has_barrier

    @property
    def waiting(self) -> int | None:
        """How many messages are known to wait at the source, those in hand included."""
        backlog = self.watch.backlog
        return None if backlog is None else backlog.changes

    @property
    def lanes_busy(self) -> int:
        """Batches that are on their way."""
        return len(self._moves)

    async def _open(self, _claim: Claim, *, new_backfill: bool) -> None:
        if new_backfill:
            raise PermanentError("a queue has no backfill", hint="Resume without --new-backfill.")
        await self.recount()
        await self.retrier.persist("sink", "connect", self.sink.connect)
        self._begin(await self._connect(None))
        self.connected.set()

    async def _replicate(self) -> bool:
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            going = [
                tasks.create_task(self._commit_forever(), name="commit"),
                tasks.create_task(self.watch.look_forever(), name="backlog"),
                tasks.create_task(self.watch.try_forever(), name="trial"),
            ]
            reader = tasks.create_task(self._read_if_moving(), name="reader")
            await self._stopping.wait()
            reader.cancel()
            clean = await self._finish()
            for task in (*going, *self._moves):
                task.cancel()
        return clean

    async def _read_if_moving(self) -> None:
        if self.mode == "bridge":
            await self._read_forever()

    async def _finish(self) -> bool:
        try:
            async with asyncio.timeout(self.limits.now.stop_seconds_max):
                while self._moves:
                    await asyncio.wait(self._moves)
        except TimeoutError:
            return False
        finally:
            await self._last_word(self._commit())
        return True

    def _submit(self, batch: Batch, ticket: Ticket) -> None:
        if self._tasks is None:
            return
        move = self._tasks.create_task(self.mover.move(batch.changes, ticket), name="move")
        self._moves[move] = batch.partition, min(change.committed_at for change in batch.changes)
        move.add_done_callback(self._moves.pop)

    def _advanced(self) -> None:
        super()._advanced()
        self._to_commit.set()

    async def _commit_forever(self) -> None:
        """Tell the source at once: it gives out no more of a group before, and keeps what it may not."""
        while True:
            await self._to_commit.wait()
            self._to_commit.clear()
            await self._commit()

    async def _commit(self) -> None:
        positions = dict(self.tracker.durable_positions)
        if positions != self._committed:
            await self.retrier.persist("source", "commit", lambda: self.source.commit(positions))
            self._committed = positions

    async def _first_of_group(self, letter: DeadLetter) -> DeadLetter | None:
        group = group_of(letter.key)
        if group is None:
            return None
        letters = [each for each in await self._open_letters() if group_of(each.key) == group]
        return min(letters, key=place_in_group, default=None)

    async def _open_letters(self) -> Sequence[DeadLetter]:
        """All of them: they are bounded by ``dead_letters.open_max``."""
        found: list[DeadLetter] = []
        while True:
            after = found[-1].id if found else 0
            page = await self.parts.store.list_dead_letters(self.parts.name, "open", after, LETTERS_MAX)
            found += page
            if len(page) < LETTERS_MAX:
                return found
