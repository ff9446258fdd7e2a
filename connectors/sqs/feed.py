"""One connection to the queue: rounds of receiving, and what becomes of the messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import uuid4

from connectors.aws.client import Answer
from connectors.aws.hand import Hand, Held
from connectors.aws.outbox import Outbox
from connectors.aws.queue import Queue, receive_at_once
from connectors.sqs.codec import change_of, is_whole, mark_in, message_of, sent_at_of
from connectors.sqs.config import SqsSourceSettings
from connectors.sqs.proof import DELAY_SECONDS_MAX, Freshness, Marks, bears_out, counts_of
from replicator.model.change import Batch, Change
from replicator.model.clock import Clock
from replicator.model.errors import TransientError, first_cause

PARTITION = "queue"

COUNT_SECONDS = 5.0
"""How often the queue is counted while it is read to its end; more often only for marks."""

LAST_ANSWER_SECONDS_MAX = 5.0
GIVE_BACK_SECONDS_MAX = 10.0
"""What closing waits for, at most; what is not given back by then comes back by itself."""

STRANGE_SECONDS = 10
LITTER_SECONDS = 60.0
"""An end message of others is hidden for so long at a time, and deleted when it is so old."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What has to be known of a queue before its messages can be read."""

    fifo: bool
    retention_seconds: float
    delay_seconds: float = 0.0


@dataclass(slots=True)
class _Round:
    """What some receive calls at once brought; ``complete`` where they waited, and had room left over."""

    raws: list[Answer] = field(default_factory=list)
    full: bool = False
    complete: bool = True


@dataclass(slots=True)
class _Sorted:
    """The messages of a round by what is to be done with them."""

    changes: list[Change] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    early: list[Held] = field(default_factory=list)
    strange: list[Held] = field(default_factory=list)
    size_bytes: int = 0


class Feed:
    """Fills the outbox until it is closed. What ends one of its tasks for good ends all, and is left there.

    A round is over when all of its calls have answered, so between two rounds none is under way.
    """

    def __init__(
        self, queue: Queue, settings: SqsSourceSettings, kind: Kind, clock: Clock, position: int
    ) -> None:
        self.hand = Hand(queue, settings.hidden_seconds, settings.messages_max, clock)
        self.marks = Marks()
        self.position = position
        self.read_position = position
        self.damaged = 0
        self._queue = queue
        self._settings = settings
        self._kind = kind
        self._clock = clock
        self._freshness = Freshness(
            fifo=kind.fifo, hidden_seconds=settings.hidden_seconds, delay_seconds=kind.delay_seconds
        )
        self._outbox = Outbox()
        self._delayed = 0
        self._counted_at = float("-inf")
        self._receiving: asyncio.Task[_Round] | None = None
        self._task: asyncio.Task[None] | None = None

    def doubt(self) -> None:
        """Messages may have been hidden of which nobody knows; if so, they show again after a time."""
        self._freshness.doubt(self._clock.monotonic() + self._settings.hidden_seconds)

    async def read(self) -> Batch:
        """The next batch. The first call begins to receive: to connect takes nothing from the queue."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="sqs.feed")
        batch = await self._outbox.take()
        self.read_position = int(batch.position)
        return batch

    async def close(self) -> None:
        """Stop receiving, and give back what was not committed.

        A call that still waits at the queue is waited for: what is sent to a caller who has gone stays
        hidden for its time.

        Raises:
            TransientError, PermanentError: messages could not be given back; they come back by themselves.
        """
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        received = await self._last_answer()
        if received is not None:
            self.hand.hold(self.position, [self._held(raw) for raw in received.raws])
        with suppress(TimeoutError):
            async with asyncio.timeout(GIVE_BACK_SECONDS_MAX):
                await self.hand.give_back()

    async def go_on(self) -> None:
        """Receive again where a failure had ended it; what is in hand stays there."""
        if self._task is None or not self._task.done():
            return
        received = await self._last_answer()
        self._outbox.recover()
        if received is not None:
            received.complete = False
            await self._take_in(received)
        self._task = None

    async def _last_answer(self) -> _Round | None:
        """What a round brings that nobody waits for any more."""
        receiving, self._receiving = self._receiving, None
        if receiving is None:
            return None
        await asyncio.wait((receiving,), timeout=LAST_ANSWER_SECONDS_MAX)
        if receiving.cancel():
            self.doubt()
        (received,) = await asyncio.gather(receiving, return_exceptions=True)
        return received if isinstance(received, _Round) else None

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive_forever(), name="sqs.receive")
                tasks.create_task(self._hide_forever(), name="sqs.hide")
        except BaseExceptionGroup as group:
            self._outbox.fail(first_cause(group))

    async def _receive_forever(self) -> None:
        """One waiting call while the queue is quiet; many that do not wait while it gives all it can."""
        quiet = 1, self._settings.poll_seconds
        calls, wait = quiet
        while True:
            await self.hand.room()
            received = await self._round(calls, min(wait, 1) if self.marks else wait)
            await self._take_in(received)
            calls, wait = (self._settings.receivers_max, 0) if received.full else quiet

    async def _hide_forever(self) -> None:
        while True:
            await asyncio.sleep(self._settings.hidden_seconds / 6)
            await self._outbox.persist("hide", self.hand.stay_hidden)

    async def _round(self, calls: int, wait_seconds: int) -> _Round:
        attempts = [uuid4().hex if self._kind.fifo else None for _ in range(calls)]

        async def receive() -> _Round:
            started = self._clock.monotonic()
            self._freshness.begin(self._clock.wall(), started, self.position, self.hand.is_free_of)
            self._receiving = asyncio.create_task(self._receive(attempts, wait_seconds), name="sqs.round")
            return await asyncio.shield(self._receiving)

        received = await self._outbox.persist("receive", receive)
        self._receiving = None
        return received

    async def _receive(self, attempts: Sequence[str | None], wait_seconds: int) -> _Round:
        """All calls at once. A failure beside messages is left to the next round.

        Raises:
            TransientError, PermanentError: nothing came, and a call failed.
        """
        until = self._clock.monotonic() + self._settings.hidden_seconds
        received = await receive_at_once([self._call(wait_seconds, attempt) for attempt in attempts])
        if any(isinstance(each, TransientError) and not each.settled for each in received.failures):
            self.doubt()
        received.raise_failure()
        return _Round(
            [{**raw, "HiddenUntil": until} for raw in received.raws],
            received.full,
            complete=wait_seconds > 0 and not received.failures and not received.full,
        )

    def _call(self, wait_seconds: int, attempt: str | None) -> Awaitable[Sequence[Answer]]:
        """A call with everything that messages have.

        ``attempt`` names it, at a FIFO queue only: repeated under its name after an answer was lost, it
        gets the same messages (SQS API reference, ReceiveRequestAttemptId).
        """
        named = {} if attempt is None else {"ReceiveRequestAttemptId": attempt}
        return self._queue.receive(
            wait_seconds,
            self._settings.hidden_seconds,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
            **named,
        )

    async def _take_in(self, received: _Round) -> None:
        """Put out what is new, before anything may be concluded from it."""
        found = self._sort(received.raws)
        if found.held:
            self.position += 1
            self.hand.hold(self.position, found.held)
            self._put(found)
        if received.full:
            self._freshness.interrupt()
        sent_at = [sent_at_of(raw) for raw in received.raws]
        read_to = self._freshness.end(sent_at) if received.complete and not found.early else None
        if found.early:
            await self._try(self.hand.let_go(found.early))
        if found.strange:
            await self._try(self.hand.leave(found.strange, STRANGE_SECONDS))
        if read_to is not None:
            await self._prove(read_to)

    async def _try(self, hiding: Awaitable[None]) -> None:
        """Once: what it fails for shows again by itself, and receiving must not wait for it."""
        try:
            await hiding
        except TransientError:
            self.doubt()

    def _put(self, found: _Sorted, read_to: float | None = None, marks: tuple[str, ...] = ()) -> None:
        self._outbox.put(
            Batch(
                partition=PARTITION,
                changes=found.changes,
                position=str(self.position),
                read_to=read_to,
                marks=marks,
                size_bytes=found.size_bytes,
            )
        )

    async def _prove(self, read_to: float) -> None:
        """Say what the last round proves, as far as the queue's counts bear it out."""
        marks: tuple[str, ...] = ()
        is_wanted = self._freshness.is_exact and self.marks.may_be_proved(read_to)
        if is_wanted or self._clock.monotonic() >= self._counted_at + COUNT_SECONDS:
            in_hand = self.hand.kept
            counts = counts_of(await self._outbox.persist("count", self._queue.attributes))
            self._counted_at, self._delayed = self._clock.monotonic(), counts.delayed
            if is_wanted and bears_out(counts, min(in_hand, self.hand.kept)):
                marks = self.marks.take_proved(read_to)
        # What is delayed was sent before; nothing is delayed for longer than this.
        self._put(_Sorted(), read_to - (DELAY_SECONDS_MAX if self._delayed else 0.0), marks)

    def _sort(self, raws: Sequence[Answer]) -> _Sorted:
        """What is new, what is an end message, and what must not be given out yet.

        The queue gives out nothing of a group while something of it is in hand, unless that was hidden for
        too short a time: then what follows it has to wait until it is gone.
        """
        found, busy, taken = _Sorted(), self.hand.groups(), set[str]()
        for raw in raws:
            held = self._held(raw)
            if self.hand.renew(held) or held.id in taken:
                continue
            if held.group in busy:
                found.early.append(held)
            elif not is_whole(raw):
                self.damaged += 1  # it shows again when its time is over
                self.doubt()
            elif self._is_strange(raw):
                found.strange.append(held)
            else:
                taken.add(held.id)
                found.held.append(held)
                self._read(raw, found)
        return found

    def _is_strange(self, raw: Answer) -> bool:
        """Whether it is an end message that somebody else may be waiting for."""
        mark = mark_in(raw)
        if mark is None or self.marks.is_ours(mark):
            return False
        return sent_at_of(raw) > self._clock.wall() - LITTER_SECONDS

    def _read(self, raw: Answer, found: _Sorted) -> None:
        mark = mark_in(raw)
        if mark is not None:
            self.marks.see(mark)
            return
        message = message_of(raw, self._kind.retention_seconds, fifo=self._kind.fifo)
        found.changes.append(change_of(message))
        found.size_bytes += len(message.body)

    def _held(self, raw: Answer) -> Held:
        group = raw.get("Attributes", {}).get("MessageGroupId") if self._kind.fifo else None
        return Held(raw["MessageId"], group, raw["ReceiptHandle"], raw["HiddenUntil"], sent_at_of(raw))
