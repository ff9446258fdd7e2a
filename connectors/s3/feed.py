"""One connection to the event queue: rounds of receiving, and what becomes of the messages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.aws.outbox import Outbox
from connectors.s3.canaries import Canaries, Proof
from connectors.s3.config import SourceSettings
from connectors.s3.events import read_letter
from connectors.s3.inbox import Inbox, Message, Round
from replicator.model.change import Batch, Change, Kind
from replicator.model.clock import Clock
from replicator.model.errors import first_cause

PARTITION = "events"


@dataclass(slots=True)
class _Sorted:
    """The messages of a round by what is to be done with them."""

    dirty: dict[str, float] = field(default_factory=dict)  # key to the time of its oldest event
    ours: list[Message] = field(default_factory=list)
    silent: list[Message] = field(default_factory=list)
    strange: list[Message] = field(default_factory=list)
    proofs: list[Proof] = field(default_factory=list)


class Feed:
    """Fills the outbox until it is closed. What ends one of its tasks for good ends all, and is left there.

    A round is over when all of its calls have answered, so between two rounds nothing is under way: what a
    canary or an empty queue proves then, it proves of everything.
    """

    def __init__(
        self, inbox: Inbox, settings: SourceSettings, clock: Clock, canaries: Canaries | None, position: int
    ) -> None:
        self.outbox = Outbox()
        self.inbox = inbox
        self.canaries = canaries
        self.position = position
        self.read_position = position
        self._settings = settings
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Start receiving."""
        self._task = asyncio.create_task(self._run(), name="s3.feed")

    @property
    def is_open(self) -> bool:
        """Whether it still receives."""
        return self._task is not None and not self._task.done()

    async def read(self) -> Batch:
        """The next batch."""
        batch = await self.outbox.take()
        self.read_position = int(batch.position)
        return batch

    async def close(self) -> None:
        """Stop receiving, and give back what was not forgotten.

        Raises:
            TransientError, PermanentError: messages could not be given back; they come back by themselves.
        """
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        await self.inbox.give_back()

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive_forever(), name="s3.receive")
                tasks.create_task(self._hide_forever(), name="s3.hide")
                if self.canaries is not None:
                    tasks.create_task(self._put_forever(self.canaries), name="s3.canaries")
        except BaseExceptionGroup as group:
            self.outbox.fail(first_cause(group))

    async def _receive_forever(self) -> None:
        """One waiting call while the queue is quiet; many that do not wait while it gives all it can."""
        calls, wait = 1, self._settings.poll_seconds
        while True:
            await self.inbox.hand.room()
            began = self._clock.wall()
            received = await self._round(calls, wait)
            await self._take_in(received, began, waited=wait > 0)
            calls, wait = (
                (self._settings.receivers_max, 0) if received.full else (1, self._settings.poll_seconds)
            )

    async def _round(self, calls: int, wait_seconds: int) -> Round:
        return await self.outbox.persist("receive", lambda: self.inbox.receive(calls, wait_seconds))

    async def _hide_forever(self) -> None:
        while True:
            await asyncio.sleep(self._settings.hidden_seconds / 6)
            await self.outbox.persist("hide", self.inbox.hand.stay_hidden)

    async def _put_forever(self, canaries: Canaries) -> None:
        while True:
            proof = await self.outbox.persist("canary", canaries.put)
            if proof is not None:
                self.outbox.put(self._batch({}, (proof,), 0, None))
            await canaries.wait(self._settings.heartbeat_seconds)

    async def _take_in(self, received: Round, began: float, *, waited: bool) -> None:
        found = self._sort(received.messages)
        quiet = self.canaries is None and received.whole and waited and not received.messages
        if found.dirty or found.proofs or quiet:
            size = sum(len(message.body) for message in found.ours)
            batch = self._batch(found.dirty, found.proofs, size, began if quiet else None)
            self.inbox.hand.hold(self.position, found.ours)
            self.outbox.put(batch)
        if found.silent:
            await self.outbox.persist("delete", lambda: self.inbox.discard(found.silent))
        if found.strange:
            await self.outbox.persist("leave", lambda: self.inbox.leave_alone(found.strange))

    def _sort(self, messages: Sequence[Message]) -> _Sorted:
        found = _Sorted()
        for message in messages:
            letter = read_letter(message.body, self._settings.bucket, message.sent_at)
            ours, carries = letter.ours, False
            for event in letter.events:
                if self._settings.replicates(event.key):
                    found.dirty[event.key] = min(event.at, found.dirty.get(event.key, event.at))
                    carries = True
                elif not event.key.startswith(self._settings.canaries_prefix):
                    ours = False
                elif self.canaries and (proof := self.canaries.seen(event.etag)) is not None:
                    found.proofs.append(proof)
            place = found.strange if not ours else found.ours if carries else found.silent
            place.append(message)
        return found

    def _batch(
        self, dirty: dict[str, float], proofs: Sequence[Proof], size: int, read_to: float | None
    ) -> Batch:
        self.position += 1
        return Batch(
            partition=PARTITION,
            changes=[Change(Kind.DIRTY, (key,), None, at) for key, at in dirty.items()],
            position=str(self.position),
            read_to=max((proof.read_to for proof in proofs), default=read_to),
            marks=tuple(name for proof in proofs for name in proof.marks),
            size_bytes=size,
        )
