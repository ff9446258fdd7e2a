"""The event messages in hand: received, kept from others, and deleted or given back in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from connectors.s3.client import ENTRIES_MAX, Client
from connectors.s3.config import SourceSettings
from replicator.model.clock import Clock
from replicator.model.errors import ReplicatorError, TransientError

CALLS_AT_ONCE_MAX = 8
LEFT_ALONE_SECONDS_MAX = 900
STRANGERS_MAX = 10_000


@dataclass(slots=True)
class Message:
    """A message of the queue; ``hidden_until`` is on the monotonic clock."""

    id: str
    receipt: str
    body: str
    sent_at: float
    hidden_until: float


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
    """The messages of one connection to the queue."""

    def __init__(self, client: Client, settings: SourceSettings, clock: Clock) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._held: list[tuple[int, Message]] = []
        self._strangers: dict[str, _Stranger] = {}
        self._receiving: asyncio.Task[Round] | None = None
        self._room = asyncio.Event()
        self._room.set()

    @property
    def held(self) -> int:
        """How many messages were delivered and are not deleted yet."""
        return len(self._held)

    @property
    def strangers(self) -> int:
        """How many messages are left alone now, as far as they are remembered."""
        now = self._clock.monotonic()
        recent = LEFT_ALONE_SECONDS_MAX
        return sum(now < each.message.hidden_until + recent for each in self._strangers.values())

    async def room(self) -> None:
        """Wait until there may be more messages in hand."""
        await self._room.wait()

    async def receive(self, calls: int, wait_seconds: int) -> Round:
        """What so many calls at once bring, when all of them have answered, so that none is under way.

        Raises:
            TransientError, PermanentError: nothing came, and a call failed.
        """
        self._receiving = asyncio.create_task(self._receive(calls, wait_seconds), name="s3.round")
        received = await asyncio.shield(self._receiving)
        self._receiving = None
        return received

    def hold(self, position: int, messages: Sequence[Message]) -> None:
        """Keep these hidden until everything up to this position is forgotten."""
        self._held.extend((position, message) for message in messages)
        self._make_room()

    async def forget(self, position: int) -> None:
        """Delete what was delivered up to this position.

        Raises:
            TransientError, PermanentError: some are left, and are still in hand.
        """
        due = [message for place, message in self._held if place <= position]
        deleted: set[str] = set()

        async def delete(messages: Sequence[Message]) -> None:
            await self._client.delete([message.receipt for message in messages])
            deleted.update(message.receipt for message in messages)

        try:
            await _in_tens(due, delete)
        finally:
            self._held = [each for each in self._held if each[1].receipt not in deleted]
            self._make_room()

    async def discard(self, messages: Sequence[Message]) -> None:
        """Delete messages that nobody is told of. Raises as ``forget`` does."""
        await _in_tens(messages, lambda ten: self._client.delete([each.receipt for each in ten]))

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
            await self._hide(those, seconds)

    async def stay_hidden(self) -> None:
        """Renew the time of what is in hand for long. Raises as ``forget`` does."""
        seconds = self._settings.hidden_seconds
        now = self._clock.monotonic()
        old = [each for _, each in self._held if each.hidden_until < now + seconds * 2 / 3]
        await self._hide(old, seconds)
        for message in old:
            message.hidden_until = now + seconds

    async def give_back(self) -> None:
        """Let everything in hand be received again at once. Raises as ``forget`` does.

        A call that still waits at the queue is waited for: what is sent to a caller who has gone stays
        hidden for its time.
        """
        receiving, self._receiving = self._receiving, None
        if receiving is not None:
            (received,) = await asyncio.gather(receiving, return_exceptions=True)
            if isinstance(received, Round):
                self.hold(0, received.messages)
        now = self._clock.monotonic()
        messages = [message for _, message in self._held]
        messages += [each.message for each in self._strangers.values()]
        self._held.clear()
        self._strangers.clear()
        await self._hide([each for each in messages if each.hidden_until > now], 0)

    async def _receive(self, calls: int, wait_seconds: int) -> Round:
        asked_at = self._clock.monotonic()
        receive = self._client.receive
        answers = await asyncio.gather(
            *(receive(wait_seconds) for _ in range(calls)), return_exceptions=True
        )
        failures = [each for each in answers if isinstance(each, BaseException)]
        until = asked_at + self._settings.hidden_seconds
        pages = [each for each in answers if not isinstance(each, BaseException)]
        messages = [_message(raw, until) for page in pages for raw in page]
        for failure in failures:
            if not messages or not isinstance(failure, TransientError):
                raise failure
        return Round(messages, not failures, any(len(page) == ENTRIES_MAX for page in pages))

    async def _hide(self, messages: Sequence[Message], seconds: int) -> None:
        await _in_tens(messages, lambda ten: self._client.hide([each.receipt for each in ten], seconds))

    def _make_room(self) -> None:
        if len(self._held) < self._settings.messages_max:
            self._room.set()
        else:
            self._room.clear()


async def _in_tens(
    messages: Sequence[Message], call: Callable[[Sequence[Message]], Awaitable[None]]
) -> None:
    """Make the call for ten messages at a time; all are tried before a failure is raised."""
    at_once = asyncio.Semaphore(CALLS_AT_ONCE_MAX)

    async def bounded(ten: Sequence[Message]) -> None:
        async with at_once:
            await call(ten)

    tens = [messages[begin : begin + ENTRIES_MAX] for begin in range(0, len(messages), ENTRIES_MAX)]
    answers = await asyncio.gather(*map(bounded, tens), return_exceptions=True)
    failures = [each for each in answers if isinstance(each, BaseException)]
    for failure in sorted(failures, key=lambda each: isinstance(each, ReplicatorError)):
        raise failure


def _message(raw: dict[str, Any], hidden_until: float) -> Message:
    sent = raw.get("Attributes", {}).get("SentTimestamp", "0")
    return Message(
        raw["MessageId"], raw["ReceiptHandle"], raw.get("Body", ""), int(sent) / 1000, hidden_until
    )
