"""The event messages in hand: received, kept from others, and deleted or given back in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from connectors.aws.client import Answer
from connectors.aws.hand import Hand, Held
from connectors.aws.queue import Queue, in_tens, receive_at_once
from connectors.s3.config import SourceSettings
from replicator.model.clock import Clock

LEFT_ALONE_SECONDS_MAX = 900
STRANGERS_MAX = 10_000

_SENT_AT = "SentTimestamp"


@dataclass(slots=True)
class Message(Held):
    """A message of the queue."""

    body: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    """What some receive calls at once brought; ``whole`` where none of them failed."""

    messages: Sequence[Message]
    whole: bool
    full: bool


@dataclass(slots=True)
class _Stranger:
    message: Message
    sightings: int = 0


class Inbox:
    """The messages of one connection to the queue: those in hand, and those that are left alone."""

    def __init__(self, queue: Queue, settings: SourceSettings, clock: Clock) -> None:
        self.hand = Hand(queue, settings.hidden_seconds, settings.messages_max, clock)
        self._queue = queue
        self._settings = settings
        self._clock = clock
        self._strangers: dict[str, _Stranger] = {}
        self._receiving: asyncio.Task[Round] | None = None

    @property
    def strangers(self) -> int:
        """How many messages are left alone now, as far as they are remembered."""
        now = self._clock.monotonic()
        recent = LEFT_ALONE_SECONDS_MAX
        return sum(now < each.message.hidden_until + recent for each in self._strangers.values())

    async def receive(self, calls: int, wait_seconds: int) -> Round:
        """What so many calls at once bring, when all of them have answered, so that none is under way.

        Raises:
            TransientError, PermanentError: nothing came, and a call failed.
        """
        self._receiving = asyncio.create_task(self._receive(calls, wait_seconds), name="s3.round")
        received = await asyncio.shield(self._receiving)
        self._receiving = None
        return received

    async def discard(self, messages: Sequence[Message]) -> None:
        """Delete messages that nobody is told of. Raises as ``Hand.forget`` does."""
        await in_tens(messages, lambda ten: self._queue.delete([each.receipt for each in ten]))

    async def leave_alone(self, messages: Sequence[Message]) -> None:
        """Hide what is not ours a little longer each time it comes, so that it does not come all the time.

        Raises:
            TransientError, PermanentError: some will come again sooner.
        """
        periods: dict[int, list[Message]] = {}
        for message in messages:
            stranger = self._strangers.pop(message.id, None) or _Stranger(message)
            seconds = min(LEFT_ALONE_SECONDS_MAX, self._settings.hidden_seconds * 2**stranger.sightings)
            message.hidden_until = self._clock.monotonic() + seconds
            self._strangers[message.id] = _Stranger(message, min(stranger.sightings + 1, 10))
            periods.setdefault(seconds, []).append(message)
        for name in list(islice(self._strangers, max(0, len(self._strangers) - STRANGERS_MAX))):
            del self._strangers[name]
        for seconds, those in periods.items():
            await self.hand.leave(those, seconds)

    async def give_back(self) -> None:
        """Let everything in hand be received again at once. Raises as ``Hand.forget`` does.

        A call that still waits at the queue is waited for: what is sent to a caller who has gone stays
        hidden for its time.
        """
        receiving, self._receiving = self._receiving, None
        if receiving is not None:
            (received,) = await asyncio.gather(receiving, return_exceptions=True)
            if isinstance(received, Round):
                self.hand.hold(0, received.messages)
        strangers = [each.message for each in self._strangers.values()]
        self._strangers.clear()
        await self.hand.give_back(*strangers)

    async def _receive(self, calls: int, wait_seconds: int) -> Round:
        until = self._clock.monotonic() + self._settings.hidden_seconds
        hidden = self._settings.hidden_seconds
        received = await receive_at_once(
            [
                self._queue.receive(wait_seconds, hidden, MessageSystemAttributeNames=[_SENT_AT])
                for _ in range(calls)
            ]
        )
        received.raise_failure()
        messages = [_message(raw, until) for raw in received.raws]
        return Round(messages, not received.failures, received.full)


def _message(raw: Answer, hidden_until: float) -> Message:
    sent_at = int(raw.get("Attributes", {}).get(_SENT_AT, "0")) / 1000
    return Message(
        raw["MessageId"], None, raw["ReceiptHandle"], hidden_until, sent_at, body=raw.get("Body", "")
    )
